/** What a plan of a VM foresees: the facts that apply will make true, what needs a restart, what is refused. */
import { parseSize } from "@lodge/schemas/spec/size.ts";
import type { Hosts } from "../hosts.ts";
import type { PlanContext } from "../sdk/resource.ts";
import { isUnknown, unknown } from "../sdk/value/unknown.ts";
import { tellDoomedDisks } from "./doomed-disks.ts";
import { announceRestart } from "./foreseen-restart.ts";
import { shrinkRefusal } from "./shrink.ts";
import type { vmSchema } from "./vm-schema.ts";

type Context = PlanContext<typeof vmSchema, Hosts>;

/** Refines the plan of a VM that stays or is made. */
export function planVm(context: Context): void {
  const { planned, prior } = context;
  if (typeof planned!.memory === "string")
    planned!.memory_bytes = parseSize(planned!.memory) ?? unknown;
  // Of a new VM in its place nothing is known yet.
  if (!prior || context.replaces()) return;
  refuseShrink(context);
  tellDoomedDisks(context);
  keepFacts(context);
  foreseePower(context);
  announceRestart(context);
}

function refuseShrink({ planned, prior, diagnostics }: Context): void {
  const disks = planned!.disks;
  if (isUnknown(disks)) return;
  for (const [name, disk] of Object.entries(disks ?? {})) {
    const bytes = prior!.disk_status?.find((known) => known.name === name)?.size_bytes;
    const same = !isUnknown(disk) && disk.image_id === prior!.disks?.[name]?.image_id;
    const refusal = same ? shrinkRefusal(disk.size, bytes) : undefined;
    if (refusal)
      diagnostics.error(`Unable to shrink the disk ${name}`, refusal, ["disks", name, "size"]);
  }
}

/**
 * Facts that nothing planned touches stay known, so that what refers to them does not change with every update. What
 * still waits for a boot may come true in this apply, and a disk that stands by itself may grow in it.
 */
function keepFacts(context: Context): void {
  const { planned, prior } = context;
  if (prior!.restart_required.length > 0) return;
  if (!context.changed(["nics"]) && !context.changed(["primary_nic"])) {
    planned!.ipv4_address = prior!.ipv4_address;
    planned!.nic_status = prior!.nic_status;
  }
  const own = Object.values(prior!.disks ?? {}).every(({ disk_id }) => disk_id === null);
  const made = prior!.disk_status.every(({ size_bytes }) => size_bytes > 0);
  if (own && made && !context.changed(["disks"])) planned!.disk_status = prior!.disk_status;
}

/** Where wish and fact of the power state differ, the plan says what apply makes true: that is how drift shows. */
function foreseePower({ planned, prior }: Context): void {
  const wished = planned!.power_state;
  const drifted = !isUnknown(wished) && wished !== prior!.actual_power_state;
  planned!.actual_power_state = wished ?? unknown;
  if (!prior!.ready || drifted) planned!.ready = unknown;
  if (drifted && prior!.restart_required.length > 0) planned!.restart_required = unknown;
}
