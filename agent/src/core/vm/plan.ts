/**
 * What a VM needs next: a pure function of its record, of what is seen of it on the host and of the time. It answers
 * the record as it should be and the steps whose preconditions hold; both are then done at once, and it is asked again,
 * until it answers nothing. A step relies only on what is durable already, so that a crash at any point is just
 * another turn.
 */
import { isDeepStrictEqual } from "node:util";
import type { Draft } from "../ledger.ts";
import type { BootRecord } from "../record.ts";
import { diskIds } from "./entry.ts";
import { extendLog, newsRestUntil } from "./event-log.ts";
import { settleMachine } from "./machine-facts.ts";
import { askedRestart, restartRequired } from "./restart.ts";
import { deriveStatus } from "./status.ts";
import { planSteps, restsUntil, type VmStep } from "./steps.ts";
import { dropDisksOf, without, type PlanInput, type Working } from "./working.ts";

export interface Plan {
  /** The record as it should be now; the same as before where nothing is to be written. */
  readonly draft: Draft<"vm">;
  readonly steps: readonly VmStep[];
  /** Steps that are due too, and wait since they have failed. */
  readonly resting: readonly VmStep[];
  /** Disks that were the VM's own and are its no longer: they are to end with the commit of the draft. */
  readonly dropDisks: readonly string[];
  /** Nothing of the VM is left but its record. */
  readonly finished: boolean;
  /** When to look again, milliseconds since 1970. */
  readonly wakeAt?: number;
}

export function planVm(input: PlanInput): Plan {
  const { record, view, now } = input;
  const news = [...view.news];
  const facts = settleMachine(input, (type, message) => news.push({ time: now, type, message }));
  decideStop(facts);
  decideStart(facts);
  const { steps, resting, wakeAt: stepAt } = planSteps(facts);
  const left = steps.length + resting.length;
  dismantle(facts, left);
  const log = record.status.events;
  const status = deriveStatus(facts, steps, extendLog(log, news));
  const whole: Draft<"vm"> = {
    ...record,
    status,
    internal: facts.internal,
    observedRevision: isSettled(facts, status.phase, left)
      ? record.specRevision
      : record.observedRevision,
  };
  const silent = { ...whole, status: { ...status, events: log } };
  const newsAt = newsRestUntil(log, news, now);
  const silence =
    newsAt !== undefined && facts.dropDisks.length === 0 && isDeepStrictEqual(silent, record);
  const wakeAt = silence ? Math.min(newsAt, stepAt ?? newsAt) : stepAt;
  return {
    draft: silence ? silent : whole,
    steps,
    resting,
    dropDisks: facts.dropDisks,
    finished: isFinished(facts, left),
    ...(wakeAt !== undefined && { wakeAt }),
  };
}

/** Whether the guest is to be ended, and since when that is so. */
function decideStop(facts: Working): void {
  const { input, alive, deleting } = facts;
  const { spec } = input.record;
  const { stopping, boot } = facts.internal;
  if (!alive || !boot) return;
  const asked = askedRestart(facts.internal);
  const restart =
    asked !== undefined ||
    (spec.on_restart_required === "restart" && restartRequired(facts).length > 0);
  const cause = deleting
    ? "delete"
    : spec.power_state === "stopped"
      ? "power_state"
      : restart
        ? "restart"
        : undefined;
  facts.stopWanted = cause !== undefined;
  if (cause !== undefined && stopping?.cause !== cause) {
    if (!stopping)
      facts.event("stopping", stopWords[cause === "restart" ? (asked ?? cause) : cause]);
    facts.internal = {
      ...facts.internal,
      stopping: { since: stopping?.since ?? input.now, cause },
    };
  }
  // The wish was taken back after the button was pressed: a guest that obeys yet is started again, until the deadline.
  if (cause === undefined && stopping && input.stopLasts >= spec.shutdown_timeout) {
    facts.internal = without(facts.internal, "stopping");
    facts.event("kept_running", "the guest did not heed its power button, and may run on");
  }
}

const stopWords = {
  delete: "the VM is deleted: the guest is asked to shut down",
  power_state: "the guest is asked to shut down",
  restart: "changed attributes need a restart: the guest is asked to shut down",
  reboot: "a reboot was asked for: the guest is asked to shut down",
  reset: "a reset was asked for: the guest is ended by force",
} as const;

/** Whether a guest is to be started, and with what: written down before it is. */
function decideStart(facts: Working): void {
  const { input, alive, wanted } = facts;
  const { record, bootId } = input;
  const { boot } = facts.internal;
  if (alive) return;
  if (!wanted) {
    if (!boot) return;
    facts.internal = without(facts.internal, "boot");
    dropDisksOf(facts, boot);
    return;
  }
  if (restsUntil(facts) !== undefined) return;
  const next: BootRecord = {
    spec: record.spec,
    nics: facts.internal.nics,
    disks: diskIds(record.spec, facts.internal),
    bootId: boot?.bootId ?? bootId,
  };
  if (isDeepStrictEqual(boot, next)) return;
  facts.internal = { ...facts.internal, boot: { ...next, bootId } };
  if (boot) dropDisksOf(facts, boot);
}

/** Once the guest of a deleted VM is gone, its own disks may go. */
function dismantle(facts: Working, left: number): void {
  const { internal, input, deleting, alive } = facts;
  const gone = !alive && input.view.machine === undefined && !internal.boot;
  if (!deleting || !gone || left > 0 || internal.dismantling) return;
  facts.internal = { ...internal, dismantling: true };
  facts.dropDisks.push(...Object.values(internal.disks));
}

function isFinished({ input, internal, deleting }: Working, left: number): boolean {
  const { record, view, related } = input;
  const own = Object.values(internal.disks);
  return (
    deleting &&
    record.internal.dismantling === true &&
    left === 0 &&
    view.nics.size === 0 &&
    !own.some((id) => related.disks.has(id))
  );
}

/** Whether the wish is true, as far as it can be before the next boot. */
function isSettled(facts: Working, phase: string, left: number): boolean {
  const { input, wanted, alive, internal, deleting } = facts;
  if (left > 0 || deleting || input.view.troubles.size > 0) return false;
  if (wanted !== alive || internal.stopping || phase === "failed") return false;
  const disks = Object.values(diskIds(input.record.spec, internal));
  return disks.every((id) => {
    const disk = input.related.disks.get(id);
    return disk?.status.phase === "ready" && disk.status.size_bytes >= (disk.spec.size ?? 0);
  });
}
