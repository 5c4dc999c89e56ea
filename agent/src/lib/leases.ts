/** Seconds that a lease lasts. Finite, so that each acknowledgement moves the expiry and can be told by it. */
export const leaseSeconds = 12 * 60 * 60;

/** A line of the lease file of dnsmasq. */
export interface Lease {
  readonly mac: string;
  readonly ipv4Address: string;
  /** When it was acknowledged, milliseconds since 1970, exact to a second. */
  readonly acknowledgedAt: number;
}

/**
 * Reads a lease file: `EXPIRY MAC ADDRESS NAME CLIENT-ID` a line, expiry in seconds since 1970. dnsmasq rewrites the file
 * in place, so a reader may see it cut anywhere: what is not a whole line is left out.
 */
export function parseLeases(text: string): Lease[] {
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  return whole.split("\n").flatMap((line) => {
    const match = /^(\d+) ((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) (\d+\.\d+\.\d+\.\d+) /.exec(line);
    if (!match) return [];
    const [, expiry, mac, ipv4Address] = match;
    return [
      {
        mac: mac!,
        ipv4Address: ipv4Address!,
        acknowledgedAt: (Number(expiry) - leaseSeconds) * 1000,
      },
    ];
  });
}

/** The lease file without the leases that `drop` picks; other lines stay as they are. */
export function withoutLeases(text: string, drop: (lease: Lease) => boolean): string {
  return text
    .split(/(?<=\n)/)
    .filter((line) => !parseLeases(line).some(drop))
    .join("");
}
