/** One object of an agent: read, followed until it is as wished for, deleted. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { z } from "zod";
import type { Agent } from "../agent.ts";
import { isNotFound, type Hosts } from "../hosts.ts";
import { Interrupted } from "../sdk/interrupted.ts";
import type { CreateContext } from "../sdk/resource.ts";
import { within, type Deadline } from "./deadline.ts";
import { persistently, pointed } from "./put.ts";
import { follow } from "./settle.ts";

/** The object of a state as it is now. */
export function current<K extends KindName>(
  agent: Agent,
  kind: K,
  state: unknown,
  limit: Deadline,
): Promise<Item<K>> {
  const { id, name } = state as { readonly id: string; readonly name: string };
  return within(limit, `The ${kinds[kind].title} ${name}`, () =>
    agent.kind(kind).get({ id }, false, { signal: limit.signal }),
  );
}

/**
 * Says that the id of what was made is kept, once Terraform has been told it; not if Terraform has gone. An object of which
 * it is not said is given to the next apply of the same wish.
 */
export function keep(
  agent: Agent,
  kind: KindName,
  id: string,
  { signal, afterwards }: Pick<CreateContext<z.ZodObject, Hosts>, "signal" | "afterwards">,
): void {
  const isHeard = !signal.aborted || signal.reason instanceof Interrupted;
  if (isHeard) afterwards(() => agent.claim(kind, id));
}

/** One object by its id, on its host or, since objects can be moved, on any other. */
export async function readItem<K extends KindName>(
  kind: K,
  hosts: Hosts,
  home: string | null,
  id: string,
  signal: AbortSignal,
): Promise<Item<K> | undefined> {
  const agent = await hosts.agent(home, "state");
  return (await agent.read(kind, id, signal)) ?? hosts.find(kind, id, signal);
}

/**
 * Deletes an object and waits until nothing of it is left; one that is gone already is success. `look` is given the object
 * after each of its changes until then.
 */
export async function deleteItem<K extends KindName>(
  agent: Agent,
  kind: K,
  state: unknown,
  limit: Deadline,
  look: (seen: Item<K>) => void = () => {},
): Promise<void> {
  const { id, name } = state as { readonly id: string; readonly name: string };
  try {
    await within(limit, `The ${kinds[kind].title} ${name}`, () =>
      persistently(limit, () => agent.kind(kind).delete(id, { signal: limit.signal })),
    );
    await follow(agent, kind, id, limit, (seen) => {
      if (seen) look(seen);
      if (seen?.status.phase === "failed") throw new Failure(kind, seen);
      return seen === undefined;
    });
  } catch (thrown) {
    if (!isNotFound(thrown)) throw pointed(thrown);
  } finally {
    agent.forget();
  }
}

/** The object once its wish is true, or the error that keeps it from that. */
export async function outcome<K extends KindName>(
  agent: Agent,
  kind: K,
  wished: Item<K>,
  limit: Deadline,
): Promise<Item<K> | { readonly error: unknown }> {
  try {
    const seen = await follow(agent, kind, wished.id, limit, (item) => {
      if (item && item.sequence > wished.sequence && item.status.phase === "failed")
        throw new Failure(kind, item);
      return item === undefined || item.observedRevision >= wished.specRevision;
    });
    return (
      seen ?? {
        error: lodgeError("NOT_FOUND", `The ${kinds[kind].title} was deleted while it was made.`),
      }
    );
  } catch (error) {
    return { error: pointed(error) };
  } finally {
    agent.forget();
  }
}

/** The agent could not make true what it was asked for. It tries again by itself. */
export class Failure extends Error {
  override readonly name = "Failure";

  constructor(kind: KindName, { spec, status }: Item<KindName>) {
    super(`The ${kinds[kind].title} ${spec.name} has failed: ${status.message}`);
  }
}
