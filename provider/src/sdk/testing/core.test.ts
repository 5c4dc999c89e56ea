/** The simulator must refuse what core refuses: here a provider breaks every rule, one at a time. */

import { describe, expect, test } from "vitest";
import * as z from "zod";
import { createProviderService } from "../server/service.ts";
import type { ProviderService } from "../server/service.ts";
import { encodeMsgpack } from "../value/msgpack.ts";
import { unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers } from "../value/value.ts";
import { decodeMsgpack } from "../value/msgpack.ts";
import { CoreError } from "./core-error.ts";
import { Core } from "./core.ts";
import type { CoreAttribute } from "./core-schema.ts";
import { readSchema } from "./core-schema.ts";
import { coreValue, plainValue } from "./core-value.ts";
import { ProviderCaller } from "./provider-caller.ts";
import { thingProvider } from "./thing.ts";
import { deriveProviderSchema } from "../server/provider-schema.ts";

const schema = z.object({
  name: z.string().optional(),
  id: z.string().meta({ computed: "stable" }),
  choice: z.string().optional().meta({ computed: "stable" }),
  hidden: z.string().optional().meta({ writeOnly: true }),
  single: z
    .object({ a: z.string().optional(), b: z.string().meta({ computed: "stable" }) })
    .optional(),
  list: z.array(z.object({ a: z.string(), b: z.string().meta({ computed: "stable" }) })).optional(),
  map: z
    .record(z.string(), z.object({ a: z.string(), b: z.string().meta({ computed: "stable" }) }))
    .optional(),
  set: z.set(z.object({ a: z.string(), w: z.int().default(1) })).optional(),
  tags: z.set(z.string()).optional(),
  either: z
    .object({ a: z.string().optional(), b: z.string().optional().meta({ computed: "stable" }) })
    .optional()
    .meta({ computed: "stable" }),
});

const definition = thingProvider(schema, {
  create: ({ plan }) =>
    Promise.resolve({
      state: { id: "i", choice: plan.choice ?? "c", either: { a: null, b: "e" } },
    }),
});

const { type } = await (async () => {
  const message = deriveProviderSchema(await definition.load());
  return readSchema(message.resourceSchemas["thing"], "thing");
})();
const value = (plain: unknown): Value => coreValue(type, plain);

describe("a provider that breaks the rules", () => {
  type Answer = Record<string, unknown>;

  /** Starts the thing with one method's answers changed. */
  async function broken(
    method: keyof ProviderService,
    change: (answer: Answer, request: Answer) => Answer,
  ): Promise<Core> {
    const service = createProviderService(definition);
    const original = service[method] as (request: unknown, context: unknown) => Promise<Answer>;
    const changed = async (request: Answer, context: unknown): Promise<Answer> =>
      change(await original(request, context), request);
    const caller = new ProviderCaller({ ...service, [method]: changed });
    const core = new Core(caller, await caller.call("getProviderSchema", {}));
    await core.configure({});
    return core;
  }

  const without = (answer: Answer, name: string): Answer =>
    Object.fromEntries(Object.entries(answer).filter(([key]) => key !== name));
  const edit = (message: unknown, members: object): { msgpack: Uint8Array } => {
    const before = decodeMsgpack(type, (message as { msgpack: Uint8Array }).msgpack);
    const plain = plainValue(before) as object;
    return {
      msgpack: encodeMsgpack(type, isMembers(before) ? value({ ...plain, ...members }) : before),
    };
  };
  const life = async (core: Core): Promise<void> => {
    const instance = await core.apply("thing", undefined, { name: "a" });
    await core.apply("thing", instance, { name: "b" });
    await core.destroy("thing", instance);
  };

  test("the thing itself breaks none", async () => {
    await expect(
      life(await broken("planResourceChange", (answer) => answer)),
    ).resolves.toBeUndefined();
  });

  test.each<[string, string, keyof ProviderService, (answer: Answer, request: Answer) => Answer]>([
    [
      "no planned state",
      "no MessagePack was sent",
      "planResourceChange",
      (answer) => without(answer, "plannedState"),
    ],
    [
      "JSON instead of MessagePack",
      "no MessagePack was sent",
      "planResourceChange",
      (answer) => ({ ...answer, plannedState: { json: new Uint8Array([0x7b]) } }),
    ],
    [
      "bytes that are no value",
      "does not conform to the schema",
      "planResourceChange",
      (answer) => ({ ...answer, plannedState: { msgpack: Uint8Array.of(1) } }),
    ],
    [
      "a plan beside the configuration",
      "invalid plan: name",
      "planResourceChange",
      (answer) => ({ ...answer, plannedState: edit(answer["plannedState"], { name: "z" }) }),
    ],
    [
      "the legacy type system",
      "legacy type system",
      "planResourceChange",
      (answer) => ({ ...answer, legacyTypeSystem: true }),
    ],
    [
      "a deferral that nobody allowed",
      "deferral was not allowed",
      "planResourceChange",
      (answer) => ({ ...answer, deferred: { reason: 1 } }),
    ],
    [
      "a replacement for an attribute that is nowhere",
      "which is nowhere",
      "planResourceChange",
      (answer) => ({
        ...answer,
        requiresReplace: [{ steps: [{ selector: { case: "attributeName", value: "nowhere" } }] }],
      }),
    ],
    [
      "a diagnostic without a summary",
      "without severity or summary",
      "planResourceChange",
      (answer) => ({ ...answer, diagnostics: [{ severity: 2 }] }),
    ],
    [
      "a diagnostic without a severity",
      "without severity or summary",
      "planResourceChange",
      (answer) => ({ ...answer, diagnostics: [{ summary: "x" }] }),
    ],
    [
      "values that change from plan to plan",
      "inconsistent final plan: choice",
      "planResourceChange",
      (() => {
        let count = 0;
        return (answer: Answer) => ({
          ...answer,
          plannedState: edit(answer["plannedState"], { choice: `c${count++}` }),
        });
      })(),
    ],
    [
      "no state after apply",
      "neither a state nor an error",
      "applyResourceChange",
      (answer) => without(answer, "newState"),
    ],
    [
      "an unknown value after apply",
      "state after apply is not wholly known",
      "applyResourceChange",
      (answer) => ({ ...answer, newState: edit(answer["newState"], { id: unknown }) }),
    ],
    [
      "another value than planned",
      "inconsistent result after apply: name",
      "applyResourceChange",
      (answer) => ({ ...answer, newState: edit(answer["newState"], { name: "z" }) }),
    ],
    [
      "a write-only value in the state",
      "holds a write-only value: hidden",
      "applyResourceChange",
      (answer) => ({ ...answer, newState: edit(answer["newState"], { hidden: "h" }) }),
    ],
    [
      "something left after a destroy",
      "was null, but now is not",
      "applyResourceChange",
      (answer, request) => ({
        ...answer,
        newState:
          decodeMsgpack(type, (answer["newState"] as { msgpack: Uint8Array }).msgpack) === null
            ? request["priorState"]
            : answer["newState"],
      }),
    ],
    [
      "no state after read",
      "read gave no state",
      "readResource",
      (answer) => without(answer, "newState"),
    ],
    [
      "an unknown value after read",
      "state after read is not wholly known",
      "readResource",
      (answer) => ({ ...answer, newState: edit(answer["newState"], { id: unknown }) }),
    ],
    [
      "drift without end",
      "the plan after an apply is not empty: name",
      "readResource",
      (answer) => ({ ...answer, newState: edit(answer["newState"], { name: "drift" }) }),
    ],
    [
      "an upgrade that changes a current state",
      "the upgrade of a current state changed it",
      "upgradeResourceState",
      (answer) => ({ ...answer, upgradedState: edit(answer["upgradedState"], { id: "other" }) }),
    ],
  ])("is caught: %s", async (_name, text, method, change) => {
    await expect(life(await broken(method, change))).rejects.toThrow(text);
  });

  test("errors that it reports are errors, not violations", async () => {
    const core = await broken("planResourceChange", (answer) => ({
      ...answer,
      diagnostics: [{ severity: 1, summary: "No", detail: "Not today." }],
    }));
    await expect(life(core)).rejects.toThrow(
      new CoreError([{ severity: 1, summary: "No", detail: "Not today." } as never]).message,
    );
  });
});

describe("schemas that core refuses", () => {
  const attribute = { name: "a", type: new TextEncoder().encode('"string"'), optional: true };
  const refuse = (changed: object): CoreAttribute[] => {
    const message = {
      version: 0n,
      block: { attributes: [{ ...attribute, ...changed }], blockTypes: [] },
    };
    return [...readSchema(message as never, "thing").attributes];
  };

  test.each<[string, object]>([
    ["a bad name", { name: "A" }],
    ["nobody sets it", { optional: false }],
    ["required and optional", { required: true }],
    ["neither type nor nested attributes", { type: new Uint8Array() }],
    ["a type that is none", { type: new TextEncoder().encode('"text"') }],
    ["write-only and computed", { computed: true, writeOnly: true }],
  ])("%s", (_name, changed) => {
    expect(() => refuse(changed)).toThrow(/./u);
  });

  test("a good one is read", () => {
    expect(refuse({})).toHaveLength(1);
    expect(() => readSchema(undefined, "thing")).toThrow("a schema needs a block");
  });
});
