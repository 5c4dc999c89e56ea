import type { Machine } from "../port/hypervisor.ts";
import type { BootRecord, VmInternal } from "../record.ts";
import { stepBackoff } from "../reconciler.ts";
import { backoffLimit } from "../../lib/retry.ts";
import { diskIds } from "./entry.ts";

import { isAlive } from "./view.ts";
import { dropDisksOf, without, type NewEvent, type PlanInput, type Working } from "./working.ts";

/** A guest that ran this long was no failure: the next one counts as the first. */
const stableAfter = 60_000;

/** What follows from the machine as it is seen: that a guest came to run, ended, or failed to start. */
export function settleMachine(input: PlanInput, event: NewEvent): Working {
  const { record } = input;
  const { spec, internal, specRevision, status } = record;
  const deleting = record.deletedAt !== undefined;
  const alive = isAlive(input.view.machine);
  const outdated = status.reason === "GUEST_SHUTDOWN" && internal.offAtRevision !== specRevision;
  const facts = {
    input,
    deleting,
    alive,
    stopWanted: false,
    internal,
    outcome:
      status.phase === "stopped" && status.reason !== "" && !outdated
        ? { reason: status.reason, message: status.message }
        : undefined,
    boots: status.boots,
    dropDisks: [] as string[],
    event,
    get wanted(): boolean {
      return (
        !deleting && spec.power_state === "running" && this.internal.offAtRevision !== specRevision
      );
    },
  };
  if (alive) guestRuns(facts);
  else if (internal.boot) guestDoesNotRun(facts, internal.boot);
  if (internal.unclean && mended(facts)) facts.internal = without(facts.internal, "unclean");
  return facts;
}

function guestRuns(facts: Working): void {
  const { view, record, capabilities } = facts.input;
  const machine = view.machine!;
  const { boot } = facts.internal;
  facts.outcome = undefined;
  notePause(facts, record.status.phase === "paused", machine);
  const known = boot?.bootId === machine.bootId;
  if (known && boot.startedAt !== undefined) return;
  const base = known
    ? boot
    : {
        spec: record.spec,
        nics: facts.internal.nics,
        disks: diskIds(record.spec, facts.internal),
        bootId: machine.bootId,
      };
  facts.internal = {
    ...facts.internal,
    boot: { ...base, startedAt: machine.startedAt },
    machineType: facts.internal.machineType ?? capabilities.machineType,
  };
  const since =
    facts.boots === 0 ? `, ${machine.startedAt - record.createdAt} ms after it was asked for` : "";
  facts.boots += 1;
  if (known) facts.event("started", `the guest was started (pid ${machine.pid})${since}`);
  else facts.event("adopted", `a guest that runs already was found (pid ${machine.pid})`);
}

function notePause(facts: Working, before: boolean, { state, diskError, detail }: Machine): void {
  if (state === "unreachable") return;
  const now = state === "paused";
  if (now && !before)
    facts.event("paused", `the guest was paused: ${diskError ?? detail ?? "by somebody"}`);
  if (before && !now) facts.event("resumed", "the guest runs on");
}

function guestDoesNotRun(facts: Working, boot: BootRecord): void {
  const { machine, startFailure } = facts.input.view;
  const own = machine?.bootId === boot.bootId;
  if (startFailure?.bootId === boot.bootId && boot.startedAt === undefined && !own) {
    facts.internal = endBoot(facts, boot);
    fail(facts, boot, startFailure.reason, startFailure.message);
    return;
  }
  // Written down to be started, and nothing of it is there yet.
  if (boot.startedAt === undefined && !own) return;
  const { stopping } = facts.internal;
  facts.internal = endBoot(facts, boot);
  if (stopping) return stopped(facts);
  if (machine?.state === "shutdown") return guestEndedItself(facts, boot);
  facts.internal = { ...facts.internal, unclean: true };
  if (machine === undefined) {
    facts.event("vanished", "nothing of the guest is left: the host was restarted");
    return;
  }
  const detail = machine.detail ?? "QEMU has ended";
  fail(facts, boot, "QEMU_EXITED", `${detail}.`);
}

function guestEndedItself(facts: Working, boot: BootRecord): void {
  switch (facts.input.view.machine!.cause) {
    case "guest_reset":
      facts.event("restarting", "the guest rebooted: changed attributes take effect");
      return;
    case "guest_panic":
      facts.internal = { ...facts.internal, unclean: true };
      fail(facts, boot, "GUEST_PANIC", "The guest's kernel panicked.");
      return;
    default:
      facts.internal = {
        ...facts.internal,
        offAtRevision: facts.input.record.specRevision,
      };
      facts.outcome = {
        reason: "GUEST_SHUTDOWN",
        message: `The guest powered itself off. It stays off until the next apply, or \`lodge vm start ${facts.input.record.spec.name}\`.`,
      };
      facts.event("guest_shutdown", "the guest powered itself off");
  }
}

/** The guest was asked to end, and did; or was ended by force, which leaves nothing to see. */
function stopped(facts: Working): void {
  const { machine } = facts.input.view;
  if (machine?.state === "shutdown") {
    facts.event("stopped", "the guest has shut down");
    return;
  }
  facts.internal = { ...facts.internal, unclean: true };
  if (machine) {
    facts.event("stopped", `${machine.detail ?? "QEMU has ended"} while it was being stopped`);
    return;
  }
  facts.outcome = {
    reason: "FORCED_STOP",
    message: "The guest did not shut itself down in time and was stopped by force.",
  };
  facts.event("forced_stop", "the guest was stopped by force");
}

/** Without the boot; its disks that are no longer the wish's go with it. */
function endBoot(facts: Working, boot: BootRecord): VmInternal {
  dropDisksOf(facts, boot);
  return without(without(without(facts.internal, "boot"), "stopping"), "restart");
}

function fail(facts: Working, boot: BootRecord, reason: string, message: string): void {
  const { now, record } = facts.input;
  const stable = boot.startedAt !== undefined && now - boot.startedAt >= stableAfter;
  const count = stable ? 1 : (record.internal.failures?.count ?? 0) + 1;
  const failures = { count, retryAt: now + backoffLimit(stepBackoff, count), reason, message };
  facts.internal = { ...facts.internal, failures };
  facts.event(reason.toLowerCase(), message);
}

function mended({ input, internal }: Working): boolean {
  const disks = Object.values(diskIds(input.record.spec, internal));
  return disks.every((id) => input.view.checked.has(id));
}
