/** What the resources of all kinds do alike: find the agent, put the wish, follow it, tell what is. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";
import type { z } from "zod";
import type { Agent } from "../agent.ts";
import { isNotFound, type Hosts } from "../hosts.ts";
import { Interrupted } from "../sdk/interrupted.ts";
import type { CreateContext, PlanContext, Resource } from "../sdk/resource.ts";
import { gone } from "../sdk/resource.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import type { PrivateData } from "../sdk/values.ts";
import { article } from "./article.ts";
import { idIdentity, type Operation } from "./common.ts";
import { deadline, within, type Deadline } from "./deadline.ts";
import { planKind } from "./plan-kind.ts";
import { persistently, pointed, put } from "./put.ts";
import { follow } from "./settle.ts";
import { attributesOf, sameSpec, specOf } from "./translate.ts";
import { walkOf } from "./walk.ts";

type Values = Readonly<Record<string, unknown>>;

/** What is kept beside the state. */
export function privateOf({ id, specRevision, spec }: Item<KindName>): PrivateData {
  const isProtected = "deletion_protection" in spec && spec.deletion_protection;
  return { id, revision: specRevision, ...(isProtected && { protected: true }) };
}

/** Where wish and fact of an object's host stand in its attributes. */
interface Placement {
  /** The attribute of the wish. */
  readonly attribute: "host" | "hosts";
  /** The host that is wished for: unknown where that is not known yet, null for the default one. */
  wish(values: Values): unknown;
  /** The attributes of an object that is on a host. */
  fact(host: string): Values;
  /** What a configuration says that puts an object on a host which is not the default one. */
  choice(host: string): Values;
  /** The host that an object in state is on. */
  home(state: Values): string | null;
}

/** Disks, pools and VMs: one `host`, wish and fact apart. */
export const onOneHost: Placement = {
  attribute: "host",
  wish: (values) => values["host"],
  fact: (host) => ({ actual_host: host }),
  choice: (host) => ({ host }),
  home: (state) => state["actual_host"] as string | null,
};

/** Networks and images: a set of `hosts`. */
export const onHosts: Placement = {
  attribute: "hosts",
  wish: (values) => {
    const hosts = values["hosts"];
    if (isUnknown(hosts)) return hosts;
    return [...((hosts as ReadonlySet<unknown> | null) ?? [])][0] ?? null;
  },
  fact: (host) => ({ hosts: new Set([host]) }),
  choice: () => ({}),
  home: (state) => [...((state["hosts"] as ReadonlySet<string> | null) ?? [])][0] ?? null,
};

export interface KindDefinition<K extends KindName, Schema extends z.ZodObject> {
  readonly kind: K;
  readonly schema: Schema;
  readonly placement: Placement;
  /** What is so of an object that was imported, and nobody can tell. */
  readonly imported?: Values;
  /** The id of the VM that the object is a part of, and comes and goes with. */
  readonly ownerOf?: (item: Item<K>) => string | null;
  /** Attributes that follow from what the object tells. */
  readonly derive?: (item: Item<K>) => Values;
  /** Makes the object in another way than by a plain Put. */
  readonly make?: (
    agent: Agent,
    plan: Values,
    wish: { id: string },
    deadline: Deadline,
  ) => Promise<Item<K>>;
  /**
   * Refines a plan that changes something. Answers what is likely of attributes that are not known yet: the agent is
   * asked about it, and nothing is promised.
   */
  readonly plan?: (context: PlanContext<Schema, Hosts>) => Promise<Values | void> | Values | void;
}

/** The handlers of a resource whose object is ready once its agent says so. */
export function kindResource<K extends KindName, Schema extends z.ZodObject>(
  definition: KindDefinition<K, Schema>,
): Pick<
  Resource<Hosts, Schema>,
  "identity" | "create" | "read" | "update" | "delete" | "import" | "plan" | "stored"
> {
  const { kind, placement } = definition;
  const state = (item: Item<K>) => stateOf(definition, item) as never;
  return {
    identity: idIdentity,
    async create({ plan, client, signal, afterwards }) {
      const limit = deadline("create", timeouts(plan), signal);
      const agent = await client.agent(placement.wish(plan) as string | null, [
        placement.attribute,
      ]);
      const wish = { id: randomUUID() };
      const made = definition.make
        ? await definition.make(agent, plan, wish, limit)
        : await put(agent, kind, { ...wish, spec: specOf(kind, plan) }, limit);
      const result = await outcome(agent, kind, made, limit);
      keep(agent, kind, made.id, { signal, afterwards });
      return settled(state, made, result);
    },
    async update({ plan, prior, client, private: kept, signal }) {
      const limit = deadline("update", timeouts(plan), signal);
      const agent = await client.agent(placement.home(prior), "state");
      const id = (prior as Values)["id"] as string;
      const wish = { id, spec: specOf(kind, plan), expectedRevision: kept["revision"] as number };
      const edited = sameSpec(kind, plan, prior)
        ? await current(agent, kind, prior, limit)
        : await put(agent, kind, wish, limit);
      return settled(state, edited, await outcome(agent, kind, edited, limit));
    },
    async read({ state: known, client, signal }) {
      const item = await readItem(
        kind,
        client,
        placement.home(known),
        (known as Values)["id"] as string,
        signal,
      );
      return item ? { state: state(item), private: privateOf(item) } : gone;
    },
    async delete({ state: known, client, signal }) {
      const agent = await client.agent(placement.home(known), "state");
      await deleteItem(agent, kind, known, deadline("delete", timeouts(known), signal));
    },
    async import({ id, identity, client, signal }) {
      const item = identity
        ? await identified(kind, client, identity["id"] as string, signal)
        : await client.resolve(kind, id, signal);
      const owner = definition.ownerOf?.(item) ?? null;
      if (owner !== null) throw ownedByVm(kind, item, owner);
      return { state: importedState(definition, client, item) as never, private: privateOf(item) };
    },
    plan: (context) => planKind(definition, context),
    stored: ({ state: known, client }) =>
      walkOf(client).noteStored((known as Values)["id"] as string),
  };
}

function ownedByVm(kind: KindName, { id, spec: { name } }: Item<KindName>, owner: string): Error {
  const what = `The ${kinds[kind].title} ${name}`;
  const remedy = "Import that VM: what was declared in it comes with it.";
  return lodgeError("OWNED_BY_VM", `${what} is a part of the VM ${owner}.`, { kind, id, remedy });
}

/** The state of an object that nobody has applied yet. */
export function importedState<K extends KindName, Schema extends z.ZodObject>(
  definition: KindDefinition<K, Schema>,
  client: Hosts,
  item: Item<K>,
): Values {
  const { placement, imported } = definition;
  const choice = client.isDefault(item.host) ? {} : placement.choice(item.host);
  return { ...stateOf(definition, item), ...choice, ...imported };
}

async function identified<K extends KindName>(
  kind: K,
  hosts: Hosts,
  id: string,
  signal: AbortSignal,
): Promise<Item<K>> {
  const item = await hosts.find(kind, id, signal);
  if (item) return item;
  throw new Error(`No host has ${article(kinds[kind].title)} with the id ${id}.`);
}

/** Everything that an object tells, with the place that it is in. */
export function stateOf<K extends KindName, Schema extends z.ZodObject>(
  { kind, schema, placement, derive }: KindDefinition<K, Schema>,
  item: Item<K>,
): Values {
  return { ...attributesOf(kind, schema, item), ...placement.fact(item.host), ...derive?.(item) };
}

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

/** A failed create is recorded with what the agent answered, so that it is known and replaced. */
function settled<K extends KindName>(
  state: (item: Item<K>) => never,
  wished: Item<K>,
  result: Item<K> | { readonly error: unknown },
): { state: never; private: PrivateData; error?: unknown } {
  if ("error" in result)
    return { state: state(wished), private: privateOf(wished), error: result.error };
  return { state: state(result), private: privateOf(result) };
}

/** The attribute `timeouts` of a plan or a state. */
export function timeouts(values: unknown): { readonly [name in Operation]?: string | null } | null {
  return (
    ((values as Values)["timeouts"] as { readonly [name in Operation]?: string | null } | null) ??
    null
  );
}
