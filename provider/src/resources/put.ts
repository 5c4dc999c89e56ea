import type { Item, Wish } from "@lodge/schemas/kind-client.ts";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent } from "../agent.ts";
import type { Deadline } from "./deadline.ts";

/** For how long, in milliseconds, a lost answer is asked for again: an agent restarts in less. */
const PERSISTENCE = 15_000;
const PAUSE = 200;
/** How often an address that cools down is asked for again, in milliseconds. */
const PATIENCE = 1000;

/**
 * Puts a wish. An answer that is lost with the connection is asked for again under the same id, which changes
 * nothing where the first request had arrived. Refusals point at the attribute that they are about.
 */
export async function put<K extends KindName>(
  agent: Agent,
  kind: K,
  wish: Wish<K>,
  deadline: Deadline,
): Promise<Item<K>> {
  try {
    const send = () => agent.kind(kind).put(wish, { signal: deadline.signal });
    return await patiently(deadline, () => persistently(deadline, send));
  } catch (thrown) {
    throw pointed(thrown);
  } finally {
    agent.forget(kind);
  }
}

/**
 * Repeats what asks for an address that cools down: where a VM is replaced, the address is that of the one before. A
 * plan refuses it anywhere else.
 */
async function patiently<T>({ signal }: Deadline, call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (thrown) {
      const cools = thrown instanceof LodgeError && thrown.is("ADDRESS_TAKEN") && thrown.retryable;
      if (!cools || signal.aborted) throw thrown;
      await sleep(PATIENCE, undefined, { signal }).catch(() => {
        throw thrown;
      });
    }
  }
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
