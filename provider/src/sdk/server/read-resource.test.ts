import { describe, expect, test } from "vitest";
import * as z from "zod";
import { gone } from "../resource.ts";
import type { Core } from "../testing/core.ts";
import { coreValue, decoded, encoded, plainValue } from "../testing/core-value.ts";
import { diagnosticTexts, thingCore } from "../testing/thing.ts";
import { unknown } from "../value/unknown.ts";

const size = z.codec(z.string(), z.int(), {
  decode: (text) => Number.parseInt(text, 10) * (text.endsWith("K") ? 1024 : 1),
  encode: (bytes) => `${bytes}`,
});
const schema = z.object({
  id: z.string().meta({ computed: "stable" }),
  size: size.optional(),
  sizes: z.array(size).optional(),
  disks: z.array(z.object({ size })).optional(),
  tags: z.set(z.string()).optional(),
  local_path: z.string().optional(),
  hidden: z.string().optional().meta({ writeOnly: true }),
});
const current = {
  id: "i",
  size: "1K",
  sizes: ["1K", "2K"],
  disks: [{ size: "1K" }],
  tags: ["a", "b"],
  local_path: "/x",
};

async function read(core: Core, kept = '{"a":1}') {
  const { type } = core.resource("thing").schema;
  const response = await core.caller.callRaw("readResource", {
    typeName: "thing",
    currentState: encoded(type, coreValue(type, current)),
    private: new TextEncoder().encode(kept),
  });
  return {
    state: plainValue(decoded(type, response.newState, "state")),
    diagnostics: diagnosticTexts(response),
    private: new TextDecoder().decode(response.private),
  };
}

const reading = (state: object) =>
  thingCore(schema, { read: () => Promise.resolve({ state: state as never }) });

describe("what is read", () => {
  test("attributes that are left out keep their value, private data too", async () => {
    expect(await read(await reading({ size: "3K" }))).toEqual({
      state: { ...current, hidden: null, size: "3K" },
      diagnostics: [],
      private: '{"a":1}',
    });
  });

  test("a value that the backend only normalised keeps the user's spelling", async () => {
    const facts = {
      size: "1024",
      sizes: ["1024", "9"],
      disks: [{ size: "1024" }],
      tags: new Set(["b", "a"]),
    };
    expect((await read(await reading(facts))).state).toEqual({
      ...current,
      hidden: null,
      sizes: ["1K", "9"],
    });
  });

  test("null is a value", async () => {
    expect((await read(await reading({ size: null, local_path: null }))).state).toMatchObject({
      size: null,
      local_path: null,
    });
  });

  test("a write-only value is not recorded", async () => {
    expect((await read(await reading({ hidden: "h" }))).state).toMatchObject({ hidden: null });
  });

  test("private data is replaced where the handler says so", async () => {
    const core = await thingCore(schema, {
      read: () => Promise.resolve({ state: {}, private: { b: 2 } }),
    });
    expect((await read(core)).private).toBe('{"b":2}');
  });
});

describe("only an explicit gone removes an object", () => {
  test("gone", async () => {
    const core = await thingCore(schema, { read: () => Promise.resolve(gone) });
    expect(await read(core)).toMatchObject({ state: null, diagnostics: [] });
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["null", null],
    ["an empty object", {}],
    ["a state of undefined", { state: undefined }],
  ])("%s is an error and the state stays", async (_name, result) => {
    const core = await thingCore(schema, { read: () => Promise.resolve(result as never) });
    const { state, diagnostics } = await read(core);
    expect(state).toEqual({ ...current, hidden: null });
    expect(diagnostics).toHaveLength(1);
    expect(diagnostics[0]).toContain("error Unable to read thing");
  });

  test("an unreachable backend is an error and the state stays", async () => {
    const core = await thingCore(schema, { read: () => Promise.reject(new Error("UNAVAILABLE")) });
    expect(await read(core)).toEqual({
      state: { ...current, hidden: null },
      diagnostics: ["error Unable to read thing: UNAVAILABLE"],
      private: '{"a":1}',
    });
  });
});

test.each<[string, object, string]>([
  ["an unknown value", { id: unknown }, "id: the value is unknown"],
  ["a wrong type", { tags: "a" }, "tags: a set is required"],
  ["a stranger", { other: 1 }, "other: the schema has no such attribute"],
])("%s is the provider's mistake", async (_name, state, problem) => {
  const { diagnostics } = await read(await reading(state));
  expect(diagnostics.join("\n")).toContain(problem);
});
