import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { formatDuration } from "@lodge/schemas/spec/duration.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { openLog } from "../sdk/plugin/log-level.ts";
import type { Deadline } from "./deadline.ts";
import type { Tell } from "./put.ts";

/** How often what is in the way is asked about again, in milliseconds. */
const PAUSE = 1000;
/** For how long, in milliseconds, a name is waited for that is about to be free. */
const NAME = 15_000;

/**
 * Repeats a wish that is refused for something that passes: an address that cools down, as where a VM is replaced and
 * its successor asks for the address; a name whose holder is being deleted, or was made by an apply that ended a moment
 * ago. A wait that cannot end in time is not begun.
 */
export async function patiently<T>(
  { signal, remaining }: Deadline,
  tell: Tell | undefined,
  call: () => Promise<T>,
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
      const wait = waitFor(thrown, performance.now() - begun);
      if (wait === undefined || wait > remaining() || signal.aborted) throw thrown;
      const { message } = thrown as LodgeError;
      if (told === undefined && (thrown as LodgeError).is("ADDRESS_TAKEN")) {
        told = `${message} A shorter \`cooldown\` of the pool, or another address, would have spared the wait.`;
        // Which address stands in the plan and in the warning; values are none of the log's business.
        (await openLog(process.env, "lodge")).info("The apply waits for an address to be free");
      }
      await sleep(Math.min(PAUSE, wait), undefined, { signal }).catch(() => {
        throw thrown;
      });
    }
  }
}

/** How long to wait before the wish may be accepted, in milliseconds; undefined where it will not be. */
function waitFor(thrown: unknown, waited: number): number | undefined {
  if (!(thrown instanceof LodgeError) || !thrown.retryable) return undefined;
  if (thrown.is("ADDRESS_TAKEN")) return thrown.retryAfterMs ?? PAUSE;
  return thrown.is("NAME_TAKEN") && waited < NAME ? PAUSE / 4 : undefined;
}
