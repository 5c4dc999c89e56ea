import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { VmPhase } from "@lodge/schemas/spec/vm.ts";
import type { Record } from "../record.ts";
import type { ObjectService } from "../service.ts";
import { describe } from "../words.ts";

/** Of a VM in one of these a guest is on its way. */
const coming: readonly VmPhase[] = ["pending", "provisioning", "starting"];

/**
 * Waits while a VM's first guest is on its way, so that its console can be followed from the beginning. Resolves as soon
 * as it runs, or will not come by itself; until the signal aborts.
 */
export async function awaitGuest(
  vms: ObjectService<"vm">,
  record: Record<"vm">,
  signal: AbortSignal,
): Promise<void> {
  if (!coming.includes(record.status.phase)) return;
  for await (const change of vms.watch(0, record.id, signal)) {
    if (change.type === "delete") return;
    if (change.type !== "put") continue;
    if (!coming.includes((change.record as Record<"vm">).status.phase)) return;
  }
}

/** A failure of a console, saying of a VM without a guest which one it is, and what can be done instead. */
export function consoleFailure(
  { kind, id, spec }: Record<"vm">,
  historyOnly: boolean,
  error: unknown,
): unknown {
  if (!(error instanceof LodgeError && error.is("VM_NOT_RUNNING"))) return error;
  const start = `\`lodge vm start ${spec.name}\` starts it`;
  const details = { kind, id, name: spec.name, cause: error };
  return historyOnly
    ? lodgeError(
        "VM_NOT_RUNNING",
        `${describe({ kind, id, spec })} does not run, and nothing is kept of what it printed.`,
        { ...details, remedy: `${start}.` },
      )
    : lodgeError(
        "VM_NOT_RUNNING",
        `${describe({ kind, id, spec })} does not run, so it has no console.`,
        {
          ...details,
          remedy: `${start}; \`lodge vm console ${spec.name} --history\` shows what it printed last.`,
        },
      );
}
