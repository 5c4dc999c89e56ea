import type { Item, Wish } from "@lodge/schemas/kind-client.ts";
import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Agent } from "../agent.ts";
import { holderOf } from "./clash.ts";
import type { Deadline } from "./deadline.ts";
import { patiently, type Outlook } from "./patience.ts";

/** For how long, in milliseconds, a lost answer is asked for again: an agent restarts in less. */
const PERSISTENCE = 15_000;
const PAUSE = 200;
/** What a wish under way gets to be answered, in milliseconds, once nobody wants to wait any more: then it is known. */
const GRACE = 10_000;
/** What is asked in the end where it is not. Milliseconds. */
const LAST = 5000;

/** Tells the user of something that an apply has waited for. */
export type Tell = (summary: string, detail: string) => void;

/**
 * Puts a wish. An answer that is lost with the connection is asked for again under the same id, which changes
 * nothing where the first request had arrived. Refusals point at the attribute that they are about.
 *
 * A Ctrl-C and the end of the time ask for no new wish, and stop every wait, but let the one that is under way be
 * answered: an object that is made and not in the state would be lost.
 */
export async function put<K extends KindName>(
  agent: Agent,
  kind: K,
  wish: Wish<K>,
  deadline: Deadline,
  tell?: Tell,
): Promise<Item<K>> {
  return settle(agent, kind, wish, deadline, () =>
    patiently(
      deadline,
      tell,
      () =>
        persistently(deadline, async () => {
          using grace = graceful(deadline.signal);
          return await agent.kind(kind).put(wish, { signal: grace.signal });
        }),
      outlook(agent, deadline),
    ),
  );
}

/**
 * What becomes of the object that a refusal names: it has gone meanwhile or is being deleted, or it is in a state, which may
 * be this one. What this run has made stays.
 */
export function outlook(
  agent: Agent,
  { signal }: Deadline,
): (refusal: LodgeError) => Promise<Outlook> {
  return async ({ kind, id }) => {
    if (id === undefined || agent.hasMade(id)) return "stays";
    return holderOf(agent, { kind, id }, signal).then(
      (holder) => {
        if (!holder || holder.status.phase === "deleting") return "leaves";
        return holder.claimed ? "may leave" : "stays";
      },
      () => "stays",
    );
  };
}

/** Sends a wish in its way, and finds out what has become of it where no answer says so. */
export async function settle<K extends KindName>(
  agent: Agent,
  kind: K,
  wish: Wish<K>,
  { signal, error }: Deadline,
  send: () => Promise<Item<K>>,
): Promise<Item<K>> {
  const what = `The ${kinds[kind].title} ${wish.spec.name}`;
  if (signal.aborted) throw error(what);
  try {
    return unique(agent, kind, wish, await send());
  } catch (thrown) {
    const item = inDoubt(thrown) ? await find(agent, kind, wish) : undefined;
    if (item) return item;
    throw signal.aborted && inDoubt(thrown) ? error(what) : pointed(thrown);
  } finally {
    agent.forget();
  }
}

/** Aborts a while after another signal does, or with it as long as `isSafe` says that nothing can have come of it. */
export function graceful(
  signal: AbortSignal,
  isSafe: () => boolean = () => false,
): { readonly signal: AbortSignal } & Disposable {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    if (isSafe()) stop.abort(signal.reason);
    else timer = setTimeout(() => stop.abort(signal.reason), GRACE);
  };
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin, { once: true });
  return {
    signal: stop.signal,
    [Symbol.dispose]: () => {
      signal.removeEventListener("abort", begin);
      clearTimeout(timer);
    },
  };
}

/** Whether the wish may have been accepted all the same. */
function inDoubt(thrown: unknown): boolean {
  return (
    thrown instanceof LodgeError &&
    ["CANCELLED", "DEADLINE_EXCEEDED", "UNAVAILABLE"].includes(thrown.code)
  );
}

/** What the agent has by the wish's id, if it is what was wished for. */
async function find<K extends KindName>(
  agent: Agent,
  kind: K,
  { id, spec, expectedRevision }: Wish<K>,
): Promise<Item<K> | undefined> {
  const item = await agent
    .kind(kind)
    .get({ id }, false, { timeoutMs: LAST })
    .catch(() => undefined);
  if (!item || expectedRevision === undefined) return item;
  const isDone = item.specRevision > expectedRevision && isDeepStrictEqual(item.spec, spec);
  return isDone ? item : undefined;
}

/** An agent that is too old to tell runs apart gives one object to all who wish the same. */
function unique<K extends KindName>(agent: Agent, kind: K, wish: Wish<K>, item: Item<K>): Item<K> {
  if (wish.expectedRevision !== undefined || agent.noteMade(item.id)) return item;
  const { title } = kinds[kind];
  throw lodgeError(
    "NAME_TAKEN",
    `Another resource of this configuration has made the ${title} ${item.spec.name} (id ${item.id}).`,
    {
      kind,
      id: item.id,
      name: item.spec.name,
      remedy: "Give each a name of its own.",
      violations: [{ path: "spec.name", message: "Two resources have the same name." }],
    },
  );
}

/** Repeats what failed because the agent went away under it. An agent that was never there fails at once. */
export async function persistently<T>(deadline: Deadline, call: () => Promise<T>): Promise<T> {
  let until: number | undefined;
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      const lost =
        thrown instanceof LodgeError &&
        (thrown.is("CONNECTION_LOST") || thrown.is("SERVER_CLOSING"));
      const away =
        lost || (until !== undefined && thrown instanceof LodgeError && thrown.is("UNREACHABLE"));
      until ??= lost ? performance.now() + PERSISTENCE : undefined;
      if (!away || deadline.signal.aborted || performance.now() > until!) throw thrown;
      await sleep(PAUSE, undefined, { signal: deadline.signal }).catch(() => undefined);
    }
  }
}

/** An error of an agent at the attribute that it is about, where it names one. */
export function pointed(thrown: unknown): unknown {
  if (!(thrown instanceof LodgeError)) return thrown;
  const [first] = thrown.violations;
  const path = first?.path.split(".").filter((step) => step !== "" && step !== "spec") ?? [];
  return path.length === 0 ? thrown : Object.assign(thrown, { path });
}
