import type { Item } from "@lodge/schemas/kind-client.ts";
import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../agent.ts";
import { isLate, type Deadline } from "./deadline.ts";

/** How often a lost watch is begun again: often enough for an agent that restarts. Milliseconds. */
const RETRY = 250;

/** An object after each of its changes; `undefined` once it is gone. */
type Seen<K extends KindName> = Item<K> | undefined;

/**
 * Follows an object until `done` says so, and answers it as it was then. An agent that restarts in the middle
 * is waited for. Throws DEADLINE_EXCEEDED where the time ran out, and the signal's reason where it aborted.
 */
export async function follow<K extends KindName>(
  agent: Agent,
  kind: K,
  id: string,
  { signal }: Pick<Deadline, "signal">,
  done: (seen: Seen<K>) => boolean,
): Promise<Seen<K>> {
  const { title } = kinds[kind];
  let since = 0;
  let name: string | undefined;
  const end = (): LodgeError => aborted(kind, { id, name }, isLate(signal));
  for (;;) {
    try {
      // Only a full state can say by its silence that the object does not exist.
      let missing = since === 0;
      for await (const event of agent
        .kind(kind)
        .watch({ id, since }, { signal, timeoutMs: Infinity })) {
        since = event.sequence;
        if (event.type === "put") {
          missing = false;
          ({ name } = event.item.spec);
          if (done(event.item)) return event.item;
        } else if (event.type === "delete" || missing) {
          if (done(undefined)) return undefined;
          throw lodgeError("NOT_FOUND", `The ${title} ${name ?? id} was deleted meanwhile.`, {
            kind,
            id,
          });
        }
      }
    } catch (thrown) {
      if (signal.aborted) throw end();
      if (!(thrown instanceof LodgeError)) throw thrown;
      if (thrown.code === "OUT_OF_RANGE") since = 0;
      else if (thrown.code !== "UNAVAILABLE" || !thrown.retryable) throw thrown;
    }
    await sleep(RETRY, undefined, { signal }).catch(() => {
      throw end();
    });
  }
}

function aborted(
  kind: KindName,
  { id, name }: { readonly id: string; readonly name: string | undefined },
  late: boolean,
): LodgeError {
  const { title } = kinds[kind];
  const called = name === undefined ? id : `${name} (${id})`;
  if (!late) {
    return lodgeError(
      "CANCELLED",
      `The wait for the ${title} ${called} was interrupted; the agent carries on.`,
    );
  }
  // Only VMs have a log of their own.
  const where =
    kind === "vm" ? `with \`lodge vm log ${name ?? id}\`` : "in the log of the host's agent";
  return lodgeError(
    "DEADLINE_EXCEEDED",
    `The ${title} ${called} did not get there in the time that timeouts allows.`,
    { remedy: `Raise the timeout, or look at what holds it up ${where}.` },
  );
}
