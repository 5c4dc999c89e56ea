import { isWaiting, type Clock } from "../../lib/clock.ts";
import { backoffDelay, backoffLimit, type Backoff } from "../../lib/retry.ts";
import type { Machine, MachineEvent } from "../port/hypervisor.ts";
import type { Acknowledgement, NicConfig } from "../port/networks.ts";
import { stepBackoff } from "../reconciler.ts";
import type { VmInternal } from "../record.ts";

/** A failure of a step, and when the next try is due. */
export interface Trouble {
  readonly step: string;
  /** The wish under which it failed: another one may always be tried. */
  readonly specRevision: number;
  readonly deletedAt: number | undefined;
  readonly reason: string;
  readonly message: string;
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly retryAt: number;
}

/**
 * What is known of a VM's things on the host: seen by a full look, kept up by the results of steps and by events. It is
 * never stored; after a restart of the agent it is looked at anew.
 */
export interface VmView {
  machine: Machine | undefined;
  /** What is kept of the VM between boots was removed. */
  erased: boolean;
  /** The interfaces on the host by name; null where it is not known how they are set up. */
  readonly nics: Map<string, NicConfig | null>;
  /** What a reboot from inside does; unknown after a restart of the agent. */
  rebootAction: "reset" | "shutdown" | undefined;
  /** When a paused guest was told to run on, milliseconds since 1970. */
  resumedAt: number | undefined;
  /** The boot whose power button was pressed last, and when. */
  pressed: { readonly bootId: string; readonly at: number } | undefined;
  /** The stop that is in progress, by the time in its record, and when it began by a clock that nobody sets. */
  stop: { readonly since: number; readonly began: number } | undefined;
  /** Why the start of the boot with that id failed. */
  startFailure:
    | { readonly bootId: string; readonly reason: string; readonly message: string }
    | undefined;
  /** The steps that failed, by their keys; `observe` is a look at the host that found nobody to ask. */
  readonly troubles: Map<string, Trouble>;
  /** Disks that were mended after an unclean end, by id. */
  readonly checked: Set<string>;
  /** The newest acknowledgement of each MAC address. */
  readonly acknowledgements: Map<string, Acknowledgement>;
  /** When each MAC address was acknowledged last before the guest of that boot was started. */
  acknowledgedBefore:
    | { readonly bootId: string; readonly times: ReadonlyMap<string, number> }
    | undefined;
  /** Events for the VM's log that no plan has written yet. */
  news: readonly { readonly time: number; readonly type: string; readonly message: string }[];
  /** Counts what has happened that only a full look can explain. */
  disturbances: number;
  /** The count at the last full look; it is due where the two differ. */
  lookedAt: number;
}

/** A view of a VM that nobody has looked at yet; `fresh`: nothing of it can be on the host. */
export function newView(fresh = false): VmView {
  return {
    machine: undefined,
    erased: false,
    nics: new Map(),
    rebootAction: undefined,
    resumedAt: undefined,
    pressed: undefined,
    stop: undefined,
    startFailure: undefined,
    troubles: new Map(),
    checked: new Set(),
    acknowledgements: new Map(),
    acknowledgedBefore: undefined,
    news: [],
    disturbances: 1,
    lookedAt: fresh ? 1 : 0,
  };
}

/** Takes note of an event. What is running may be half-way through a step, so that the next turn looks for itself. */
export function noteEvent(view: VmView, event: MachineEvent, now: number): void {
  if (event.type === "reset") {
    view.news = [...view.news, { time: now, type: "rebooted", message: "the guest rebooted" }];
    return;
  }
  view.disturbances += 1;
}

/** A guest that waits for room is to go on soon after there is some. */
const resumeBackoff: Backoff = { base: 1000, max: 15_000 };

const backoffOf = (step: string): Backoff =>
  step === "resume_guest" ? resumeBackoff : stepBackoff;

/** When a step that has failed so many times is due again. */
export function nextTry(step: string, count: number, now: number): number {
  return now + 1 + backoffDelay(backoffOf(step), count);
}

/** Whether a step that has failed is not due yet. */
export function rests({ step, count, retryAt }: Trouble, now: number): boolean {
  return isWaiting(retryAt, 1 + backoffLimit(backoffOf(step), count), now);
}

/** How long the stop that stands in a record has lasted. The record's time is used for one that is not known yet. */
export function stopLasts(view: VmView, { stopping }: VmInternal, clock: Clock): number {
  if (!stopping) {
    view.stop = undefined;
    return 0;
  }
  const now = clock.monotonic();
  if (view.stop?.since !== stopping.since) {
    view.stop = {
      since: stopping.since,
      began: now - Math.max(0, clock.now() - stopping.since),
    };
  }
  return now - view.stop.began;
}

/** Whether the guest's process runs, with or without its processors at work. */
export function isAlive(machine: Machine | undefined): boolean {
  return machine !== undefined && machine.state !== "shutdown" && machine.state !== "exited";
}
