import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Ledger } from "../ledger.ts";
import type { Record } from "../record.ts";
import { describe } from "../words.ts";
import { vmEntry } from "./entry.ts";
import { askedRestart } from "./restart.ts";

export interface RestartRequest {
  readonly id: string;
  /** The boot that is to end; empty for the present one. */
  readonly bootId: string;
  readonly force: boolean;
}

/**
 * Writes down that the guest is to be ended and started anew; where another boot runs already, nothing is. Throws
 * NOT_FOUND, VM_NOT_RUNNING.
 */
export async function requestRestart(
  { host, ledger }: { readonly host: string; readonly ledger: Ledger },
  { id, bootId, force }: RestartRequest,
): Promise<Record<"vm">> {
  const of = { kind: "vm", id } as const;
  const record = await ledger.edit(
    of,
    (draft) => vmEntry(ledger.store, draft),
    (vm) => {
      const { boot } = vm.internal;
      if (boot !== undefined && bootId !== "" && boot.bootId !== bootId) return undefined;
      if (!isKeptRunning(vm) || boot === undefined) throw notRunning(vm);
      const asked = askedRestart(vm.internal);
      if (asked === "reset" || (asked !== undefined && !force)) return undefined;
      return { ...vm, internal: { ...vm.internal, restart: { bootId: boot.bootId, force } } };
    },
    "commit_vm",
  );
  if (record) return record;
  throw lodgeError("NOT_FOUND", `No VM on the host ${host} has the id ${id}.`, of);
}

function isKeptRunning({ deletedAt, spec, status }: Record<"vm">): boolean {
  const runs = status.actual_power_state === "running";
  return runs && deletedAt === undefined && spec.power_state === "running";
}

function notRunning(vm: Record<"vm">): Error {
  const { id, spec, status, deletedAt } = vm;
  const why =
    status.actual_power_state === "stopped"
      ? "does not run"
      : deletedAt === undefined
        ? "is being stopped"
        : "is being deleted";
  const known = { kind: "vm", id, name: spec.name };
  const remedy = deletedAt === undefined ? { remedy: "Start it instead." } : {};
  return lodgeError("VM_NOT_RUNNING", `${describe(vm)} ${why}.`, { ...known, ...remedy });
}
