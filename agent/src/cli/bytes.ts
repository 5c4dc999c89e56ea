const units = ["bytes", "KiB", "MiB", "GiB", "TiB"] as const;

/** Bytes for people, rounded: `900 bytes`, `1.5 GiB`, `79 GiB`. What is exact is told in JSON. */
export function readableBytes(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  const digits = power === 0 || value >= 10 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits)} ${units[power]}`;
}
