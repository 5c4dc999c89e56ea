/** The keys of claims: what only one object may have at a time. */
import type { KindName } from "@lodge/schemas/spec/kind.ts";

export const claimKey = {
  name: (kind: KindName, name: string): string => `name:${kind}:${name}`,
  mac: (mac: string): string => `mac:${mac}`,
  ipv4: (networkId: string, address: string): string => `ipv4:${networkId}/${address}`,
  attachment: (diskId: string): string => `attachment:${diskId}`,
} as const;
