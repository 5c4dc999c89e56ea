/** Lives of objects: configurations one after another under the rules of Terraform's core, and what happens in between. */
import fc from "fast-check";
import { expect } from "vitest";
import { violatedInvariants } from "@lodge/agent/core/testing/invariants.ts";
import { World } from "@lodge/agent/core/testing/world.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { obscured } from "@lodge/provider/sdk/testing/obscure.ts";
import type { KindName, SpecOf } from "@lodge/schemas/spec/kind.ts";
import { CoreAgent } from "./core-agent.ts";
import { attributes, provider, runs } from "./provider.ts";

/** One of these, each as likely as the others. */
export const pick = fc.constantFrom;
/** Null every second time. */
export const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { freq: 2 });
/** An object with all of these. */
export const record = <T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> =>
  fc.record<T>(model, { noNullPrototype: true });

/** The id that an object of this kind and name has in every world: `network lan`. */
export const idOf = (word: string): string => World.prototype.id(word);
/** One of the ids of these. */
export const anyId = (kind: string, ...names: string[]): fc.Arbitrary<string> =>
  pick(...names.map((name) => idOf(`${kind} ${name}`)));

export const anyName = pick("a", "b", "renamed");
export const anyTimeouts = maybe(
  record({ create: maybe(pick("1m", "60s")), delete: maybe(pick("2m")) }),
);

/** How objects of a kind live. */
export interface Life<K extends KindName> {
  readonly kind: K;
  /** A host on which all configurations are good. */
  readonly host: () => Promise<CoreAgent>;
  /** The configuration of the n-th step. */
  readonly config: (step: number) => fc.Arbitrary<object>;
  /** Where given, a step keeps most of what the one before has; this is called with what has come of that. */
  readonly mixed?: (config: never) => object;
  /** What somebody else makes of a spec. */
  readonly edit: (spec: SpecOf<K>) => SpecOf<K>;
  /** What else happens to an object, by its name. */
  readonly events?: Readonly<
    Record<string, (agent: CoreAgent, id: string) => Promise<void> | void>
  >;
}

/**
 * Tries so many lives. After every apply the plan is empty, the host is as it was wished for, and the object is the
 * same when it is imported; after its end nothing is left.
 */
export async function walk<K extends KindName>(life: Life<K>, count: number): Promise<void> {
  const type = `lodge_${life.kind}`;
  const events = { ...common(life), ...life.events };
  const anyEvent = fc.option(pick(...Object.keys(events)), { freq: 2 });
  const anySteps = anyWishes(life).chain((wishes) =>
    fc.tuple(
      ...wishes.map((wish) =>
        record({
          wish: fc.constant(wish),
          before: fc.oneof(fc.constant(wish), obscured(wish)),
          event: anyEvent,
        }),
      ),
    ),
  );
  await fc.assert(
    fc.asyncProperty(anySteps, async (steps) => {
      await using agent = await life.host();
      const { world } = agent;
      const others = await census(world);
      let item: Instance | undefined;
      for (const { wish, before, event } of steps) {
        if (item && event !== null) await events[event]!(agent, attributes(item)["id"]);
        await world.quiet();
        item = await agent.during((await provider([agent])).apply(type, item, wish, before));
        await world.quiet();
        expect(await violatedInvariants(world)).toEqual([]);
        await importedAlike(agent, type, item, wish);
      }
      await agent.during((await provider([agent])).destroy(type, item!));
      await world.quiet();
      expect(await census(world)).toEqual(others);
      expect(await violatedInvariants(world)).toEqual([]);
    }),
    { numRuns: runs(count) },
  );
}

/** A few configurations. */
function anyWishes<K extends KindName>({ config, mixed }: Life<K>): fc.Arbitrary<object[]> {
  const one = (step: number) =>
    record({ own: config(step), keeps: fc.array(fc.nat(3), { minLength: 30, maxLength: 30 }) });
  return fc
    .nat(mixed ? 5 : 3)
    .chain((last) => fc.tuple(...Array.from({ length: last + 1 }, (_, step) => one(step))))
    .map((steps) => {
      if (!mixed) return steps.map(({ own }) => own);
      const wishes: Record<string, unknown>[] = [];
      for (const { own, keeps } of steps) {
        const before = wishes.at(-1) ?? (own as Record<string, unknown>);
        const members = Object.entries(own).map(([name, value], index) => [
          name,
          keeps[index]! > 0 ? before[name] : value,
        ]);
        wishes.push(Object.fromEntries(members));
      }
      return wishes.map((wish) => mixed(wish as never));
    });
}

/** What may happen to an object of any kind behind Terraform's back. */
function common<K extends KindName>({ kind, edit }: Life<K>): NonNullable<Life<K>["events"]> {
  return {
    edited: async ({ world }, id) => {
      const known = await world.store.get(kind, id);
      if (!known) return;
      const { spec, specRevision } = known;
      await world.core.services[kind].put(
        { id, spec: edit(spec), expectedRevision: specRevision },
        world.principal,
      );
    },
    deleted: ({ world }, id) => world.core.services[kind].delete(id),
    "agent restarted": (agent) => agent.restart(),
  };
}

/** What there is of each kind. */
async function census({ store }: World): Promise<readonly string[]> {
  const names = ["network", "address_pool", "image", "disk", "vm"] as const;
  const lists = await Promise.all(names.map((kind) => store.list(kind)));
  return lists.flatMap(({ records }) => records.map(({ kind, spec }) => `${kind} ${spec.name}`));
}

/** Where an object is to be, if that is said though it need not be, is no fact of it, nor is how long it may take. */
const onlyTerraformKnows = ["host", "timeouts", "wait_for"];

/** By its id and by its name it is the same, and nothing is left to do but for what only Terraform knows. */
async function importedAlike(
  agent: CoreAgent,
  type: string,
  item: Instance,
  wish: object,
): Promise<void> {
  const facts = (instance: Instance) =>
    Object.entries(attributes(instance)).filter(([name]) => !(name in wish));
  const { id, name } = attributes(item);
  for (const text of [id, `${agent.name}/${name}`]) {
    const command = await provider([agent]);
    const imported = await command.import(type, text);
    expect(facts(imported)).toEqual(facts(item));
    const known = Object.fromEntries(
      Object.entries(wish).filter(([attribute]) => !onlyTerraformKnows.includes(attribute)),
    );
    const { action } = await command.plan(type, imported, known);
    expect(action).toBe("local_path" in wish ? "update" : "no-op");
    expect(await command.importByIdentity(type, { id })).toEqual(imported);
  }
}
