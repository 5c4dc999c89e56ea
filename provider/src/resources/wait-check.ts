import type { Diagnostics } from "../sdk/diagnostic.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import type { PlannedValues } from "../sdk/values.ts";
import type { vmSchema } from "./vm-schema.ts";

type Config = PlannedValues<typeof vmSchema>;

/**
 * Refuses waits for an address that no guest can ever take: that of a primary interface without a pool. A rule would have
 * to wait until all interfaces are wholly known, which they seldom are before the first apply.
 */
export function checkWaits(config: Config, diagnostics: Diagnostics): void {
  const { wait_for: wanted, power_state: power } = config;
  const runs = power === null || power === "running";
  if (wanted === null || isUnknown(wanted) || !runs || !hasNoAddress(config)) return;
  const refuse = (name: "ipv4" | "tcp_port") =>
    diagnostics.error(
      `Invalid combination at wait_for.${name}`,
      `wait_for.${name}: needs an address, and Lodge knows one only where the primary interface has an ipv4_pool_id.`,
      ["wait_for", name],
    );
  if (wanted.ipv4 === true) refuse("ipv4");
  if (typeof wanted.tcp_port === "number") refuse("tcp_port");
}

/** Whether it is certain that the primary interface gets its address from no pool. */
function hasNoAddress({ nics, primary_nic: chosen }: Config): boolean {
  if (isUnknown(nics)) return false;
  const names = Object.keys(nics ?? {}).toSorted();
  const candidates = isUnknown(chosen) ? names : chosen === null ? names.slice(0, 1) : [chosen];
  return candidates.every((name) => {
    const nic = nics?.[name];
    return nic !== undefined && !isUnknown(nic) && nic.ipv4_pool_id === null;
  });
}
