/** Whatever bytes arrive, every handler answers with diagnostics and never rejects. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { simulate, type Core } from "../testing/core.ts";
import { memory } from "../testing/memory.ts";
import { anyValue } from "../testing/values.ts";
import { encodeMsgpack } from "../value/msgpack.ts";

let folder: string;
let core: Core;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterAll(() => rm(folder, { recursive: true }));

const METHODS = [
  "validateProviderConfig",
  "validateResourceConfig",
  "validateDataResourceConfig",
  "validateEphemeralResourceConfig",
  "validateListResourceConfig",
  "validateActionConfig",
  "upgradeResourceState",
  "upgradeResourceIdentity",
  "readResource",
  "planResourceChange",
  "applyResourceChange",
  "importResourceState",
  "generateResourceConfig",
  "planAction",
  "moveResourceState",
  "readDataSource",
  "openEphemeralResource",
  "renewEphemeralResource",
  "closeEphemeralResource",
] as const;

const anyBytes = fc.uint8Array({ maxLength: 40 });

test("garbage in every field", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...METHODS),
      fc.constantFrom(
        "memory_item",
        "memory_items",
        "memory_token",
        "memory_touch",
        "stranger",
        "__proto__",
      ),
      fc.array(fc.record({ msgpack: anyBytes, json: anyBytes }), { minLength: 4, maxLength: 4 }),
      anyBytes,
      async (method, typeName, [config, one, two, three], bytes) => {
        const fields = {
          typeName,
          actionType: typeName,
          config,
          state: one,
          identity: { identityData: two },
          currentIdentity: { identityData: two },
          priorIdentity: { identityData: two },
          plannedIdentity: { identityData: two },
          rawIdentity: { json: bytes },
          priorState: one,
          proposedNewState: two,
          plannedState: three,
          currentState: one,
          priorPrivate: bytes,
          plannedPrivate: bytes,
          private: bytes,
          id: "x",
          version: 0n,
          rawState: { json: bytes },
        };
        const { method: methods } = (await import("@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts"))
          .Provider;
        const known = new Set(methods[method].input.fields.map(({ localName }) => localName));
        const request = Object.fromEntries(
          Object.entries(fields).filter(([name]) => known.has(name)),
        );
        const response = await core.caller.callRaw(method, request);
        expect(response.diagnostics.length).toBeGreaterThan(
          method.startsWith("close") || method.startsWith("renew") ? -1 : 0,
        );
      },
    ),
    { numRuns: 1500 },
  );
});

test("garbage in what is answered by a stream, which ends and never breaks", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("listResource", "invokeAction"),
      fc.constantFrom("memory_item", "memory_touch", "stranger", "__proto__"),
      fc.record({ msgpack: anyBytes, json: anyBytes }),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      async (method, type, config, limit) => {
        const request =
          method === "listResource"
            ? { typeName: type, config, limit, includeResourceObject: true }
            : { actionType: type, config };
        const events = [];
        for await (const event of core.caller.stream(method, request)) events.push(event);
        const last = events.at(-1);
        if (method === "invokeAction")
          expect(last).toMatchObject({ type: { case: "completed", value: { diagnostics: [{}] } } });
        else expect(last).toMatchObject({ diagnostic: [{}] });
      },
    ),
    { numRuns: 300 },
  );
});

test("values of the right type but without sense", async () => {
  const { type } = core.resource("memory_item").schema;
  const value = anyValue(type, { unknowns: true }).map((one) => ({
    msgpack: encodeMsgpack(type, one, { refinements: true }),
  }));
  await fc.assert(
    fc.asyncProperty(value, value, value, async (config, priorState, proposedNewState) => {
      const request = { typeName: "memory_item", config, priorState };
      const answers = [
        await core.caller.callRaw("validateResourceConfig", { typeName: "memory_item", config }),
        await core.caller.callRaw("planResourceChange", { ...request, proposedNewState }),
      ];
      for (const { diagnostics } of answers) {
        expect(diagnostics.every(({ summary, severity }) => summary !== "" && severity > 0)).toBe(
          true,
        );
        // A TypeError of our own would be shown to the user.
        expect(
          diagnostics.filter(({ detail }) =>
            /undefined|is not a function|Cannot read/u.test(detail),
          ),
        ).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
});
