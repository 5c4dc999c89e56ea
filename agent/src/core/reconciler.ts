import { asLodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Log } from "../lib/log.ts";
import { isWaiting, type Clock } from "../lib/clock.ts";
import { backoffDelay, backoffLimit, type Backoff } from "../lib/retry.ts";
import type { Ledger } from "./ledger.ts";
import type { Reference } from "./record.ts";
import type { StepHook } from "./step.ts";

/** Makes the records of one kind true, each until nothing is left to do. */
export interface Reconciler {
  /** Never twice at once for one id. Answers when to look again (milliseconds since 1970) where that is not left to events. */
  reconcile(id: string, signal: AbortSignal): Promise<number | undefined>;
}

/** What every reconciler works with. */
export interface ReconcilerContext {
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStep?: StepHook | undefined;
  /**
   * Does a step that can take minutes: few of each at a time, without keeping other objects from their turns. The
   * body's signal is aborted with the given one, and when the object is deleted.
   */
  heavy<T>(
    step: HeavyStep,
    of: Reference,
    signal: AbortSignal,
    body: (signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

/** The steps that read or write whole files. */
export type HeavyStep = "check_disk" | "copy_image";

/** How long a failed step rests: a second, doubling up to five minutes. */
export const stepBackoff: Backoff = { base: 1000, max: 300_000 };

interface Failure {
  readonly count: number;
  readonly revision: number;
  /** Infinity: not before the wish changes. */
  readonly retryAt: number;
  /** Data is gone or damaged: only somebody who brings it back can mend that. */
  readonly lost: boolean;
}

/** The failures of objects, in memory: after a restart of the agent everything is tried at once. */
export class Failures {
  readonly #failures = new Map<string, Failure>();

  /** When the object may be tried again; undefined where it may now. A changed wish may always. */
  retryAt(id: string, revision: number, now: number): number | undefined {
    const failure = this.#failures.get(id);
    if (failure?.revision !== revision) return undefined;
    const { retryAt, count } = failure;
    const rests = retryAt === Infinity || isWaiting(retryAt, backoffLimit(stepBackoff, count), now);
    return rests ? retryAt : undefined;
  }

  /** Notes a failure. Errors that only another wish can mend are not retried. */
  failed(id: string, revision: number, now: number, error: unknown): LodgeError {
    const known = asLodgeError(error);
    const before = this.#failures.get(id);
    const count = before?.revision === revision ? before.count + 1 : 1;
    const lost = known.code === "DATA_LOSS";
    const hopeless = known.code === "INVALID_ARGUMENT" || lost;
    const retryAt = hopeless ? Infinity : now + backoffDelay(stepBackoff, count);
    this.#failures.set(id, { count, revision, retryAt, lost });
    return known;
  }

  /** Whether what failed has lost its data: it may be tried again as soon as that is back. */
  isLost(id: string): boolean {
    return this.#failures.get(id)?.lost === true;
  }

  clear(id: string): void {
    this.#failures.delete(id);
  }
}

/** An error in words for a status: what happened, and what to do. */
export function statusMessage(error: LodgeError): string {
  const cause = error.is("INTERNAL") && error.cause instanceof Error ? error.cause.message : "";
  return [error.message, cause, error.remedy ?? ""].filter((part) => part !== "").join(" ");
}

/** Ends a record whose object is gone from the host; somebody may have come to need it meanwhile. See `Ledger.commit` for `freed`. */
export async function deleteRecord(
  { ledger }: ReconcilerContext,
  of: Reference,
  step: "commit_network" | "commit_image" | "commit_disk" | "commit_vm",
  freed: readonly Reference[] = [],
): Promise<boolean> {
  try {
    await ledger.commit({ delete: [of] }, step, of, of, freed);
    return true;
  } catch (error) {
    if (error instanceof LodgeError && error.is("IN_USE")) return false;
    throw error;
  }
}
