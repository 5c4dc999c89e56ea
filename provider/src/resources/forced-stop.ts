import type { Item } from "@lodge/schemas/kind-client.ts";
import { formatDuration } from "@lodge/schemas/spec/duration.ts";
import type { Diagnostics } from "../sdk/diagnostic.ts";

/**
 * Warns where a guest did not shut itself down between two looks at its VM and was ended by force; not where it was given
 * no time for it.
 */
export function tellForcedStop(
  diagnostics: Diagnostics,
  before: Item<"vm">,
  { spec, status }: Item<"vm">,
): void {
  const { name, shutdown_timeout: grace } = spec;
  if (grace === 0 || lastForced(status) === lastForced(before.status)) return;
  diagnostics.warning(
    `The VM ${name} was stopped by force`,
    `Its guest did not shut itself down within shutdown_timeout (${formatDuration(grace)}). What it had not written to its disks yet is lost.`,
    ["shutdown_timeout"],
  );
}

function lastForced({ events }: Item<"vm">["status"]): number | undefined {
  return events.findLast(({ type }) => type === "forced_stop")?.time;
}
