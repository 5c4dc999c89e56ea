import type { Hosts } from "../hosts.ts";
import type { PlanContext } from "../sdk/resource.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import type { vmSchema } from "./vm-schema.ts";

type Context = PlanContext<typeof vmSchema, Hosts>;

/**
 * Warns where an update deletes a disk of the VM's own, which Terraform shows as one of many changes; an error where the VM
 * is protected, as for its deletion. One that another takes the place of under its name is deleted as well.
 */
export function tellDoomedDisks({ planned, prior, diagnostics }: Context): void {
  const after = planned!.disks;
  if (isUnknown(after)) return;
  for (const [name, { disk_id }] of Object.entries(prior!.disks ?? {})) {
    const entry = after?.[name];
    if (disk_id !== null || isUnknown(entry) || entry?.disk_id === null) continue;
    // One that still waits for the boot that it comes with has no data.
    if (!prior!.disk_status.some((made) => made.name === name && made.size_bytes > 0)) continue;
    const what = `The disk ${name} of ${prior!.name} and all data on it`;
    const when = isDeferred(planned!, prior!)
      ? ` Its guest keeps it until it next stops or restarts; until then the entry ${name}, as it was, brings it back.`
      : "";
    if (prior!.deletion_protection) {
      diagnostics.error(
        `The disk ${name} is protected`,
        `${what} would be deleted, and deletion_protection is on. Leave ${name} as it is, or set deletion_protection to false and apply that first.`,
        ["disks"],
      );
    } else if (isUnknown(entry?.disk_id)) {
      diagnostics.warning(
        `The disk ${name} may be deleted`,
        `${what} will be deleted if its disk_id, which is known only at apply, names another disk.${when}`,
        ["disks", name, "disk_id"],
      );
    } else {
      diagnostics.warning(
        `The disk ${name} will be deleted`,
        `${what} will be deleted.${when} A disk that keeps its data when it is renamed or taken away is a lodge_disk, attached by disk_id.`,
        ["disks"],
      );
    }
  }
}

/** Whether the guest that runs goes on with what it has. */
function isDeferred(
  { power_state, on_restart_required }: NonNullable<Context["planned"]>,
  { actual_power_state }: NonNullable<Context["prior"]>,
): boolean {
  const runsOn = actual_power_state === "running" && power_state === "running";
  return runsOn && on_restart_required === "defer";
}
