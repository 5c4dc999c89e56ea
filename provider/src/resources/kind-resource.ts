/** What the resources of all kinds do alike: find the agent, put the wish, follow it, tell what is. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";
import type { z } from "zod";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import type { PlanContext, Resource } from "../sdk/resource.ts";
import { gone } from "../sdk/resource.ts";
import type { PrivateData } from "../sdk/values.ts";
import { article } from "./article.ts";
import { idIdentity, timeouts } from "./common.ts";
import { deadline, type Deadline } from "./deadline.ts";
import { current, deleteItem, keep, outcome, readItem } from "./kind-object.ts";
import type { Placement } from "./placement.ts";
import { planKind } from "./plan-kind.ts";
import { put } from "./put.ts";
import { attributesOf, sameSpec, specOf } from "./translate.ts";
import { walkOf } from "./walk.ts";

type Values = Readonly<Record<string, unknown>>;

/** What is kept beside the state. */
export function privateOf({ id, specRevision, spec }: Item<KindName>): PrivateData {
  const isProtected = "deletion_protection" in spec && spec.deletion_protection;
  return { id, revision: specRevision, ...(isProtected && { protected: true }) };
}

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
