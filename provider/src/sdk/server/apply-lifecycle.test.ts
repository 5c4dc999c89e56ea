import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Instance } from "../testing/core-error.ts";
import { plainValue } from "../testing/core-value.ts";
import { rawApply, thingCore } from "../testing/thing.ts";
import { unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});

const schema = z.object({
  name: z.string(),
  size: size.optional(),
  tags: z.set(z.string()).optional(),
  list: z.array(z.string()).optional(),
  disks: z
    .record(z.string(), z.object({ size, serial: z.string().meta({ computed: "stable" }) }))
    .optional(),
  secret: z.string().optional().meta({ sensitive: true }),
  hidden: z.string().optional().meta({ writeOnly: true }),
  id: z.string().meta({ computed: "stable" }),
  count: z.int().nullable().meta({ computed: "volatile" }),
});

const planned = { name: "a", id: unknown, count: unknown };

describe("whole lives under core's rules", () => {
  const life = z.object({
    name: z.string().meta({ update: "replace" }),
    note: z.string().optional(),
    id: z.string().meta({ computed: "stable" }),
  });

  function backend() {
    let serial = 0;
    const objects = new Map<string, { name: string; note: string | null }>();
    const thing = {
      create({ plan }: { plan: { name: string; note: string | null } }) {
        const id = `${++serial}`;
        objects.set(id, { name: plan.name, note: plan.note });
        return Promise.resolve({ state: { id } });
      },
      update({
        plan,
        prior,
      }: {
        plan: { name: string; note: string | null };
        prior: { id: string };
      }) {
        objects.set(prior.id, { name: plan.name, note: plan.note });
        return Promise.resolve({ state: {} });
      },
      delete({ state }: { state: { id: string } }) {
        objects.delete(state.id);
        return Promise.resolve();
      },
    };
    return { objects, thing };
  }

  test("a replacement is a delete and a create in two calls", async () => {
    const { objects, thing } = backend();
    const core = await thingCore(life, thing);
    let instance: Instance = await core.apply("thing", undefined, { name: "a" });
    const plan = await core.plan("thing", instance, { name: "b" });
    expect([plan.action, plan.requiresReplace]).toEqual(["replace", [["name"]]]);
    expect(plainValue(plan.planned)).toEqual({ name: "b", note: null, id: unknown });
    instance = await core.apply("thing", instance, { name: "b" });
    expect([...objects]).toEqual([["2", { name: "b", note: null }]]);
    await core.destroy("thing", instance);
    expect([...objects]).toEqual([]);
  });

  test("a tainted object is replaced", async () => {
    const { objects, thing } = backend();
    const core = await thingCore(life, thing);
    const instance = await core.apply("thing", undefined, { name: "a" });
    const plan = await core.plan("thing", { ...instance, tainted: true }, { name: "a" });
    expect(plan.action).toBe("replace");
    await core.apply("thing", { ...instance, tainted: true }, { name: "a" });
    expect([...objects.keys()]).toEqual(["2"]);
  });

  test("what is unknown at plan may turn out to change nothing", async () => {
    const { thing } = backend();
    const core = await thingCore(life, thing);
    const instance = await core.apply("thing", undefined, { name: "a", note: "n" });
    const again = await core.apply(
      "thing",
      instance,
      { name: "a", note: "n" },
      { name: "a", note: unknown },
    );
    expect(again.state).toEqual(instance.state);
  });

  test("stable values do not become unknown downstream", async () => {
    const { thing } = backend();
    const core = await thingCore(life, thing);
    const instance = await core.apply("thing", undefined, { name: "a" });
    const plan = await core.plan("thing", instance, { name: "a", note: "changed" });
    expect([plan.action, plainValue(plan.planned)]).toEqual([
      "update",
      { name: "a", note: "changed", id: "1" },
    ]);
  });
});

test("a stop reaches what is under way, and its partial result is kept", async () => {
  const begun = Promise.withResolvers<void>();
  const core = await thingCore(schema, {
    async create({ signal }) {
      begun.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { state: { id: "begun" }, error: signal.reason };
    },
  });
  const applying = rawApply(core, { planned });
  await begun.promise;
  await core.caller.call("stopProvider", {});
  expect(await applying).toMatchObject({
    state: { id: "begun" },
    diagnostics: [
      "error Unable to create thing: Interrupted: Terraform was asked to stop. (CANCELLED)",
    ],
  });
});

test("after a new configuration a stop is over", async () => {
  const core = await thingCore(schema, {
    create: ({ signal }) => Promise.resolve({ state: { id: String(signal.aborted), count: 0 } }),
  });
  await core.caller.call("stopProvider", {});
  expect((await rawApply(core, { planned })).state).toMatchObject({ id: "true" });
  await core.configure({});
  expect((await rawApply(core, { planned })).state).toMatchObject({ id: "false" });
});

test("ten applies at once on one connection do not disturb each other", async () => {
  const core = await thingCore(schema, {
    async create({ plan }) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { state: { id: plan.name, count: 0 } };
    },
  });
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
  const states = await Promise.all(
    names.map((name) => rawApply(core, { planned: { ...planned, name } })),
  );
  expect(states.map(({ state }) => (state as { id: string }).id)).toEqual(names);
});
