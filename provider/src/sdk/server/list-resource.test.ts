/** Lists as Terraform 1.14 and later ask for them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plainValue } from "../testing/core-value.ts";
import { simulate, type Core } from "../testing/core.ts";
import type { Instance } from "../testing/core-error.ts";
import { memory } from "../testing/memory.ts";
import { thingCore, thingProvider } from "../testing/thing.ts";

let folder: string;
let core: Core;
const items = new Map<string, Instance>();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
  for (const name of ["web-2", "db", "web-1"])
    items.set(name, await core.apply("memory_item", undefined, { name, size: "2GiB" }));
});
afterAll(() => rm(folder, { recursive: true }));

const names = async (config: object, options = {}) =>
  (await core.list("memory_item", config, options)).map(({ displayName }) => displayName);

describe("a list", () => {
  test("has the identity of each object, and its state where that is wanted", async () => {
    const listed = await core.list("memory_item", {});
    expect(listed.map(({ displayName }) => displayName)).toEqual(["db", "web-1", "web-2"]);
    expect(listed.map(({ state }) => state)).toEqual([undefined, undefined, undefined]);
    const whole = await core.list("memory_item", {}, { wholeState: true });
    for (const { displayName, identity, state } of whole) {
      expect(identity).toEqual(items.get(displayName)!.identity);
      const { id } = plainValue(identity) as { id: string };
      expect(state).toEqual((await core.import("memory_item", id)).state);
    }
  });

  test("has what the configuration asks for, and nothing is no error", async () => {
    expect(await names({ prefix: "web" })).toEqual(["web-1", "web-2"]);
    expect(await names({ prefix: "nobody" })).toEqual([]);
  });

  test("ends at its limit", async () => {
    expect(await names({}, { limit: 2 })).toEqual(["db", "web-1"]);
    expect(await names({ trouble: "break" }, { limit: 1 })).toEqual(["db"]);
  });

  test("ends with an error where one comes up", async () => {
    await expect(names({ trouble: "break" })).rejects.toThrow(
      "Unable to list memory_item: the file ends here",
    );
    await expect(names({ trouble: "wrong" })).rejects.toThrow(/\(at trouble\)/u);
  });

  test("goes on after a warning", async () => {
    const before = core.caller.warnings.length;
    expect(await names({ trouble: "warn" })).toEqual(["db", "web-1", "web-2"]);
    const warnings = core.caller.warnings.slice(before).map(({ detail }) => detail);
    expect(warnings).toEqual(["Write it again.", "Write it again.", "Write it again."]);
  });

  test("of a type that has none is an error", async () => {
    const events = [];
    for await (const event of core.caller.stream("listResource", { typeName: "stranger" }))
      events.push(event.diagnostic[0]?.detail);
    expect(events).toEqual(['The provider has no list resource type "stranger".']);
  });
});

const schema = z.object({ id: z.string().meta({ computed: "stable" }) });
const identity = { version: 0, schema: z.object({ id: z.string() }) };
const listOf = (state: Record<string, unknown>, config = z.object({})) => ({
  listResources: [
    {
      type: "thing",
      description: "",
      schema: config,
      async *list() {
        yield await Promise.resolve({ displayName: "one", state });
      },
    },
  ],
});

test("what breaks the rules is a bug of the provider, told as one", async () => {
  const nameless = await thingCore(schema, { identity }, listOf({}));
  await expect(nameless.list("thing", {})).rejects.toThrow("An object has no identity.");
  const strange = await thingCore(schema, { identity }, listOf({ id: "x", other: 1 }));
  await expect(strange.list("thing", {})).rejects.toThrow(
    "Provider produced an invalid list of thing: other: the schema has no such attribute.",
  );
});

test("a list that cannot be is found when the schemas are derived", () => {
  expect(() => thingProvider(schema, {}, listOf({})).schemaAsset()).toThrow(
    "thing: a list needs a resource of its type that has an identity",
  );
  const config = z.object({ mode: z.string().default("x") });
  expect(() => thingProvider(schema, { identity }, listOf({}, config)).schemaAsset()).toThrow(
    "thing.mode: a list or an action has nothing computed",
  );
});
