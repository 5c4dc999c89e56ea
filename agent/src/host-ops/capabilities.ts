import { readFileSync } from "node:fs";

/**
 * Whether programs can be started with fewer capabilities: who has no capability cannot give any away either
 * (CAP_SETPCAP, bit 8), and need not.
 */
export function mayDropCapabilities(): boolean {
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = /^CapEff:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return (BigInt(`0x${effective}`) >> 8n) % 2n === 1n;
}
