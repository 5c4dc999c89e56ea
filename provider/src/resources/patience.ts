import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { formatDuration } from "@lodge/schemas/spec/duration.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { openLog } from "../sdk/plugin/log-level.ts";
import { isClash, PASSING } from "./clash.ts";
import type { Deadline } from "./deadline.ts";
import type { Tell } from "./put.ts";

/** How often what is in the way is asked about again, in milliseconds. */
const PAUSE = 1000;

/** What becomes of an object that stands in the way. */
export type Outlook = "leaves" | "may leave" | "stays";

/**
 * Repeats a wish that is refused for something that passes: an address that cools down, as where a VM is replaced and
 * its successor asks for the address; a name whose holder is being deleted, or was made by an apply that ended a moment
 * ago. What another object has that may go in this apply is waited for too, since Terraform does not order the two
 * unless one refers to the other; `outlook` says whether it may. What is being deleted is waited for as long as the
 * operation may last, since a guest takes its time to shut down. A wait that cannot end in time is not begun.
 */
export async function patiently<T>(
  { signal, remaining }: Deadline,
  tell: Tell | undefined,
  call: () => Promise<T>,
  outlook: (refusal: LodgeError) => Promise<Outlook> = () => Promise.resolve("stays"),
): Promise<T> {
  const begun = performance.now();
  let told: string | undefined;
  for (;;) {
    try {
      const result = await call();
      if (told !== undefined) {
        const waited = formatDuration(Math.ceil((performance.now() - begun) / 1000) * 1000);
        tell?.(`The apply has waited ${waited} for an address`, told);
      }
      return result;
    } catch (thrown) {
      const waited = performance.now() - begun;
      const wait = await waitFor(thrown, waited, outlook);
      if (wait === undefined || wait > remaining() || signal.aborted) throw inVain(thrown, waited);
      const { message } = thrown as LodgeError;
      if (told === undefined && (thrown as LodgeError).is("ADDRESS_TAKEN")) {
        told = `${message} A shorter \`cooldown\` of the pool, or another address, would have spared the wait.`;
        // Which address stands in the plan and in the warning; values are none of the log's business.
        (await openLog(process.env, "lodge")).info("The apply waits for an address to be free");
      }
      await sleep(Math.min(PAUSE, wait), undefined, { signal }).catch(() => {
        throw inVain(thrown, performance.now() - begun);
      });
    }
  }
}

/** How long to wait before the wish may be accepted, in milliseconds; undefined where it will not be. */
async function waitFor(
  thrown: unknown,
  waited: number,
  outlook: (refusal: LodgeError) => Promise<Outlook>,
): Promise<number | undefined> {
  if (!(thrown instanceof LodgeError)) return undefined;
  const { retryable, retryAfterMs, reason } = thrown;
  if (retryable && thrown.is("ADDRESS_TAKEN")) return retryAfterMs ?? PAUSE;
  if (!isClash(reason)) return undefined;
  const expected = await outlook(thrown);
  if (waited >= PASSING) return expected === "leaves" ? PAUSE : undefined;
  const passes = (retryable && thrown.is("NAME_TAKEN")) || expected !== "stays";
  return passes ? PAUSE / 4 : undefined;
}

/** A refusal that has not passed, with how long that was waited for. */
function inVain(thrown: unknown, waited: number): unknown {
  if (waited < PAUSE || !(thrown instanceof LodgeError) || !isClash(thrown.reason)) return thrown;
  const duration = formatDuration(Math.round(waited / 1000) * 1000);
  thrown.message += ` The apply has waited ${duration} for that to change.`;
  return thrown;
}
