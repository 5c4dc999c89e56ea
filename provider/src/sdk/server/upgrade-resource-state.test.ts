import { describe, expect, test } from "vitest";
import * as z from "zod";
import type { Core } from "../testing/core.ts";
import { decoded, plainValue } from "../testing/core-value.ts";
import { diagnosticTexts, thingCore } from "../testing/thing.ts";
import { Decimal } from "../value/number.ts";

const schema = z.object({
  name: z.string(),
  precise: z.number().optional(),
  big: z.bigint().optional(),
  nested: z.object({ a: z.string(), b: z.int().optional() }).optional(),
  tags: z.set(z.string()).optional(),
  hidden: z.string().optional().meta({ writeOnly: true }),
});
const nothing = { precise: null, big: null, nested: null, tags: null, hidden: null };

async function upgrade(
  core: Core,
  json: string,
  version: number,
  flatmap: Record<string, string> = {},
) {
  const response = await core.caller.callRaw("upgradeResourceState", {
    typeName: "thing",
    version: BigInt(version),
    rawState: { json: new TextEncoder().encode(json), flatmap },
  });
  const { type } = core.resource("thing").schema;
  const state =
    response.upgradedState === undefined
      ? undefined
      : plainValue(decoded(type, response.upgradedState, "state"));
  return { state, diagnostics: diagnosticTexts(response) };
}

describe("the current version", () => {
  test.each<[string, string, object]>([
    ["new attributes are null", '{"name":"a"}', { name: "a", ...nothing }],
    [
      "removed attributes are ignored",
      '{"name":"a","old":{"deep":[1]}}',
      { name: "a", ...nothing },
    ],
    [
      "inside objects too",
      '{"name":"a","nested":{"a":"x","old":1}}',
      { name: "a", ...nothing, nested: { a: "x", b: null } },
    ],
    [
      "no digit of a number is lost",
      '{"name":"a","precise":123456789012345678901234567890.125,"big":18446744073709551615}',
      {
        name: "a",
        ...nothing,
        precise: new Decimal("123456789012345678901234567890.125"),
        big: 18446744073709551615n,
      },
    ],
    ["write-only values are dropped", '{"name":"a","hidden":"h"}', { name: "a", ...nothing }],
  ])("%s", async (_name, json, state) => {
    expect(await upgrade(await thingCore(schema), json, 0)).toEqual({ state, diagnostics: [] });
  });
});

describe("older versions", () => {
  const thing = {
    version: 2,
    upgraders: {
      0: {
        schema: z.object({ title: z.string(), size: z.bigint().optional() }),
        upgrade: (state: { title: string; size: bigint | null }) => ({
          label: state.title,
          size: state.size,
        }),
      },
      1: {
        upgrade: (state: { label: string; size?: bigint }) => ({
          name: state.label,
          big: state.size ?? null,
        }),
      },
    },
  };

  test("go through the chain of upgraders, the first with its own schema", async () => {
    const core = await thingCore(schema, thing);
    expect(await upgrade(core, '{"title":"a","size":18446744073709551615,"gone":true}', 0)).toEqual(
      {
        state: { name: "a", ...nothing, big: 18446744073709551615n },
        diagnostics: [],
      },
    );
  });

  test("begin in the middle, with plain JSON where there is no schema", async () => {
    const core = await thingCore(schema, thing);
    expect((await upgrade(core, '{"label":"b"}', 1)).state).toEqual({ name: "b", ...nothing });
  });

  test("a step that is missing is named", async () => {
    const core = await thingCore(schema, { version: 2, upgraders: { 1: thing.upgraders[1] } });
    const { diagnostics } = await upgrade(core, "{}", 0);
    expect(diagnostics[0]).toContain(
      "The state has schema version 0, which this version of the provider cannot read.",
    );
  });

  test("an upgrader that throws, or returns nonsense, is a diagnostic", async () => {
    const broken = [
      () => {
        throw new Error("no");
      },
      () => Promise.resolve({ name: "a" }),
      () => ({ name: 5 }),
      () => null,
    ];
    for (const result of broken) {
      const core = await thingCore(schema, { version: 1, upgraders: { 0: { upgrade: result } } });
      const { state, diagnostics } = await upgrade(core, "{}", 0);
      expect([state, diagnostics.length]).toEqual([undefined, 1]);
      expect(diagnostics[0]).toContain("error Unable to upgrade the state of thing");
    }
  });

  test.each(["0", "null", "[]", "1e400", '"name"'])(
    "an upgrader is never given %s",
    async (json) => {
      const { diagnostics } = await upgrade(await thingCore(schema, thing), json, 1);
      expect(diagnostics).toEqual([expect.stringContaining("The stored state is not an object.")]);
    },
  );

  test("a later version is refused", async () => {
    const { diagnostics } = await upgrade(await thingCore(schema), "{}", 7);
    expect(diagnostics[0]).toContain("written by a later version of the provider");
  });
});

test.each<[string, string, Record<string, string>, string]>([
  ["flatmap state", "", { "tags.#": "1" }, "Terraform 0.11"],
  ["no state", "", {}, "no state"],
  ["broken JSON", "{", {}, "not valid JSON"],
  ["a list", "[]", {}, "an object is required"],
  ["null", "null", {}, "not an object"],
  ["a wrong type", '{"name":["a"]}', {}, "name: a string is required"],
])("%s is a diagnostic", async (_name, json, flatmap, problem) => {
  const { state, diagnostics } = await upgrade(await thingCore(schema), json, 0, flatmap);
  expect([state, diagnostics.length]).toEqual([undefined, 1]);
  expect(diagnostics[0]).toContain(problem);
});
