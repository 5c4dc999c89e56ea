/** How much one connection may ask for. */
export interface Limits {
  /** Largest message taken, bytes. */
  readonly maxReceiveBytes: number;
  /** Largest message sent, bytes. */
  readonly maxSendBytes: number;
  /** Calls at once on one connection. */
  readonly maxConcurrentCalls: number;
}

const mebibyte = 1024 * 1024;

/** Terraform sends a whole resource in one message, and its own side allows 2 GiB. */
export const pluginLimits: Limits = {
  maxReceiveBytes: 256 * mebibyte,
  maxSendBytes: 256 * mebibyte,
  maxConcurrentCalls: 2 ** 31 - 1,
};

/** Specs and lists are kilobytes; what is large (images, consoles) travels in chunks. */
export const agentLimits: Limits = {
  maxReceiveBytes: 8 * mebibyte,
  maxSendBytes: 8 * mebibyte,
  maxConcurrentCalls: 1000,
};

/** A client that has lost its server tries again at least so often, in milliseconds, give or take a fifth. */
export const reconnectMs = 1000;

/** @returns `bytes` for people: `8 MiB`, `1.4 MiB`, `900 bytes`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} bytes`;
  const [value, unit] = bytes < mebibyte ? [bytes / 1024, "KiB"] : [bytes / mebibyte, "MiB"];
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
}
