import { changes } from "@lodge/schemas/spec/changes.ts";
import { VmSpec } from "@lodge/schemas/spec/vm.ts";
import type { Working } from "./working.ts";

/** The changed attributes that wait for the next boot of the guest that runs. */
export function restartRequired({ input, internal, alive }: Working): string[] {
  const { boot } = internal;
  if (!alive || !boot) return [];
  return changes(VmSpec, boot.spec, input.record.spec)
    .filter(({ update }) => update === "restart")
    .map(({ path }) => path.join("."));
}
