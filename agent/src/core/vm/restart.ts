import { changes } from "@lodge/schemas/spec/changes.ts";
import { VmSpec } from "@lodge/schemas/spec/vm.ts";
import type { VmInternal } from "../record.ts";
import type { Working } from "./working.ts";

/** The changed attributes that wait for the next boot of the guest that runs. */
export function restartRequired({ input, internal, alive }: Working): string[] {
  const { boot } = internal;
  if (!alive || !boot) return [];
  return changes(VmSpec, boot.spec, input.record.spec)
    .filter(({ update }) => update === "restart")
    .map(({ path }) => path.join("."));
}

/** Which kind of restart was asked for of the guest that runs, if one was. */
export function askedRestart({ restart, boot }: VmInternal): "reboot" | "reset" | undefined {
  if (!restart || restart.bootId !== boot?.bootId) return undefined;
  return restart.force ? "reset" : "reboot";
}
