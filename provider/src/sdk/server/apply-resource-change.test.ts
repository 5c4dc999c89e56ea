import { describe, expect, test } from "vitest";
import * as z from "zod";
import { CoreError } from "../testing/core-error.ts";
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

const facts = { id: "i", count: 1 };
const planned = { name: "a", id: unknown, count: unknown };
const nothing = { size: null, tags: null, list: null, disks: null, secret: null, hidden: null };

describe("create", () => {
  test("no prior state: what the handler leaves out is as planned", async () => {
    const core = await thingCore(schema, { create: () => Promise.resolve({ state: facts }) });
    expect(await rawApply(core, { planned })).toEqual({
      state: { ...nothing, name: "a", ...facts },
      diagnostics: [],
      private: "",
    });
  });

  test("the handler sees the wish with null for what it decides, and write-only values in the configuration", async () => {
    let seen: unknown;
    const core = await thingCore(schema, {
      create({ plan, config, private: kept }) {
        seen = [plan.id, plan.name, plan.hidden, config.hidden, plan.tags, kept];
        return Promise.resolve({ state: facts });
      },
    });
    const config = { name: "a", hidden: "h", tags: ["x"] };
    await rawApply(core, { planned: { ...planned, tags: ["x"] }, config, kept: '{"p":1}' });
    expect(seen).toEqual([null, "a", null, "h", new Set(["x"]), { p: 1 }]);
  });

  test("a value that the backend normalised is recorded as it was planned", async () => {
    const core = await thingCore(schema, {
      create: () =>
        Promise.resolve({
          state: {
            ...facts,
            name: "a",
            size: "1024",
            tags: new Set(["y", "x"]),
            disks: { d: { size: "2048", serial: "s" } },
          },
        }),
    });
    const wish = {
      ...planned,
      size: "1K",
      tags: ["x", "y"],
      disks: { d: { size: "2K", serial: unknown } },
    };
    const { state, diagnostics } = await rawApply(core, { planned: wish });
    expect(diagnostics).toEqual([]);
    expect(state).toEqual({
      ...nothing,
      ...facts,
      name: "a",
      size: "1K",
      tags: ["x", "y"],
      disks: { d: { size: "2K", serial: "s" } },
    });
  });

  test("write-only values are never recorded, even if the handler returns them", async () => {
    const core = await thingCore(schema, {
      create: ({ config }) => Promise.resolve({ state: { ...config, ...facts } }),
    });
    const { state } = await rawApply(core, { planned, config: { name: "a", hidden: "h" } });
    expect(state).toMatchObject({ hidden: null });
  });

  test("a failure that made nothing leaves no state", async () => {
    const core = await thingCore(schema, { create: () => Promise.reject(new Error("refused")) });
    expect(await rawApply(core, { planned })).toMatchObject({
      state: undefined,
      diagnostics: ["error Unable to create thing: refused"],
    });
  });

  test("a failure half-way leaves what is there, to be tainted; what is unknown is null", async () => {
    const core = await thingCore(schema, {
      create: () =>
        Promise.resolve({
          state: { id: "half" },
          error: new Error("stopped"),
          private: { step: 1 },
        }),
    });
    expect(await rawApply(core, { planned })).toEqual({
      state: { ...nothing, name: "a", id: "half", count: null },
      diagnostics: ["error Unable to create thing: stopped"],
      private: '{"step":1}',
    });
    const failure = await core
      .apply("thing", undefined, { name: "a" })
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CoreError);
    expect((failure as CoreError).instance?.tainted).toBe(true);
  });

  test("a warning beside a success does not taint", async () => {
    const core = await thingCore(schema, {
      create({ diagnostics }) {
        diagnostics.warning("Not ready yet", "It will be.", ["name"]);
        return Promise.resolve({ state: facts });
      },
    });
    const { diagnostics, state } = await rawApply(core, { planned });
    expect(diagnostics).toEqual(["warning Not ready yet: It will be. @ name"]);
    expect(state).toMatchObject(facts);
  });
});

describe("the result is checked against the plan", () => {
  const wish = {
    ...planned,
    size: "1K",
    secret: "s3cret",
    tags: ["x"],
    list: ["l"],
    disks: { d: { size: "1", serial: unknown } },
  };
  const good = { ...facts, disks: { d: { size: "1", serial: "s" } } };

  test.each<[string, object, string | undefined]>([
    ["as planned", good, undefined],
    ["a known value changed", { ...good, name: "b" }, 'name: planned was "a", but now it is "b"'],
    ["a value became null", { ...good, size: null }, 'size: planned was "1K", but now it is null'],
    [
      "a null became a value",
      { ...good, hidden: undefined, count: 1, list: null },
      'list: planned was ["l"], but now it is null',
    ],
    [
      "a secret changed, and is not shown",
      { ...good, secret: "other" },
      "secret: planned was a sensitive value, but now it is a sensitive value",
    ],
    [
      "a list grew",
      { ...good, list: ["l", "m"] },
      "list: the number of planned elements has changed",
    ],
    [
      "a map grew",
      { ...good, disks: { d: { size: "1", serial: "s" }, e: { size: "1", serial: "s" } } },
      "disks: the planned elements have changed",
    ],
    ["a set grew", { ...good, tags: new Set(["x", "y"]) }, "tags: the set has grown"],
    [
      "a set lost an element",
      { ...good, tags: new Set([]) },
      "tags: a planned element of the set is missing",
    ],
    [
      "a nested value changed",
      { ...good, disks: { d: { size: "2", serial: "s" } } },
      'disks.d.size: planned was "1", but now it is "2"',
    ],
    [
      "something is unknown still",
      { ...good, id: unknown },
      "id: the value is still unknown after apply",
    ],
    [
      "something was forgotten",
      { count: 1, disks: good.disks },
      "id: the value is still unknown after apply",
    ],
    ["a wrong type", { ...good, count: "many" }, "count: a number is required"],
    [
      "an attribute that does not exist",
      { ...good, stranger: 1 },
      "stranger: the schema has no such attribute",
    ],
  ])("%s", async (_name, state, problem) => {
    const core = await thingCore(schema, {
      create: () => Promise.resolve({ state: state as never }),
    });
    const { diagnostics, state: recorded } = await rawApply(core, { planned: wish });
    if (problem === undefined) expect(diagnostics).toEqual([]);
    else
      expect(diagnostics.join("\n")).toContain(
        `error Provider produced an invalid result of thing: ${problem}`,
      );
    expect(diagnostics.join("\n")).not.toContain("s3cret");
    // Whatever the mistake, the object is not lost.
    expect(recorded).toMatchObject({ secret: expect.any(String) as string });
  });

  test("a set may lose elements that turn out to be equal", async () => {
    const core = await thingCore(schema, {
      create: () => Promise.resolve({ state: { ...facts, tags: new Set(["x"]) } }),
    });
    const { diagnostics } = await rawApply(core, { planned: { ...planned, tags: ["x", unknown] } });
    expect(diagnostics).toEqual([]);
  });
});

describe("update", () => {
  const prior = { name: "old", ...facts };

  test("prior and planned state: the handler sees both", async () => {
    let seen: unknown;
    const core = await thingCore(schema, {
      update({ prior: before, plan }) {
        seen = [before.name, before.id, plan.name, plan.id];
        return Promise.resolve({ state: { count: 2 } });
      },
    });
    const { state } = await rawApply(core, {
      prior,
      planned: { name: "new", id: "i", count: unknown },
    });
    expect(seen).toEqual(["old", "i", "new", "i"]);
    expect(state).toMatchObject({ name: "new", id: "i", count: 2 });
  });

  test("a failure leaves the prior state and the private data", async () => {
    const core = await thingCore(schema, { update: () => Promise.reject(new Error("refused")) });
    expect(
      await rawApply(core, { prior, planned: { ...prior, name: "new" }, kept: '{"a":1}' }),
    ).toEqual({
      state: { ...nothing, ...prior },
      diagnostics: ["error Unable to update thing: refused"],
      private: '{"a":1}',
    });
  });

  test("a failure may say what is true now", async () => {
    const core = await thingCore(schema, {
      update: () => Promise.resolve({ state: { name: "half" }, error: new Error("stopped") }),
    });
    const { state, diagnostics } = await rawApply(core, {
      prior,
      planned: { ...prior, name: "new" },
    });
    expect(state).toMatchObject({ name: "half" });
    expect(diagnostics).toEqual(["error Unable to update thing: stopped"]);
  });

  test("private data stays, or is replaced", async () => {
    const core = await thingCore(schema, { update: () => Promise.resolve({ state: {} }) });
    expect((await rawApply(core, { prior, planned: prior, kept: '{"a":1}' })).private).toBe(
      '{"a":1}',
    );
    const replaces = await thingCore(schema, {
      update: ({ private: kept }) => Promise.resolve({ state: {}, private: { ...kept, b: 2 } }),
    });
    expect((await rawApply(replaces, { prior, planned: prior, kept: '{"a":1}' })).private).toBe(
      '{"a":1,"b":2}',
    );
  });

  test("damaged private data is a diagnostic", async () => {
    const core = await thingCore(schema);
    const { diagnostics } = await rawApply(core, { prior, planned: prior, kept: "\u0000" });
    expect(diagnostics[0]).toContain("private data in the state is damaged");
  });
});

describe("delete", () => {
  const prior = { name: "a", ...facts };

  test("planned null: the handler sees the state, and null comes back", async () => {
    let seen: unknown;
    const core = await thingCore(schema, {
      delete({ state, private: kept }) {
        seen = [state.id, kept];
        return Promise.resolve();
      },
    });
    const { state, diagnostics } = await rawApply(core, { prior, planned: null, kept: '{"a":1}' });
    expect([state, diagnostics, seen]).toEqual([null, [], ["i", { a: 1 }]]);
  });

  test("a failure leaves the prior state", async () => {
    const core = await thingCore(schema, { delete: () => Promise.reject(new Error("in use")) });
    expect(await rawApply(core, { prior, planned: null })).toMatchObject({
      state: { ...nothing, ...prior },
      diagnostics: ["error Unable to delete thing: in use"],
    });
  });

  test("an error beside a success leaves it too", async () => {
    const core = await thingCore(schema, {
      delete: ({ diagnostics }) =>
        Promise.resolve(diagnostics.error("Not gone", "It is still there.")),
    });
    expect((await rawApply(core, { prior, planned: null })).state).toEqual({
      ...nothing,
      ...prior,
    });
  });
});
