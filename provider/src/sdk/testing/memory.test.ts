import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CoreError } from "./core-error.ts";
import { plainValue } from "./core-value.ts";
import { simulate } from "./core.ts";
import type { Instance } from "./core-error.ts";
import { memory } from "./memory.ts";
import { MemoryStore } from "./memory-store.ts";
import { obscured } from "./obscure.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
});
afterAll(() => rm(folder, { recursive: true }));

const anySize = fc.constantFrom(
  "1GiB",
  "1024MiB",
  "1048576KiB",
  "2GiB",
  "2048MiB",
  "3MiB",
  "3072KiB",
  "7B",
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.option(arbitrary, { freq: 2 });

const anyItem = fc
  .record(
    {
      name: fc.constantFrom("a", "b"),
      size: maybe(anySize),
      quota: maybe(anySize),
      limits: maybe(fc.array(anySize, { maxLength: 3 })),
      count_of_things: maybe(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n })),
      ratio: maybe(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 })),
      enabled: maybe(fc.boolean()),
      mode: maybe(fc.constantFrom("fast", "safe")),
      labels: maybe(
        fc.dictionary(fc.constantFrom("x", "y", "__proto__", "ä"), fc.string({ maxLength: 3 })),
      ),
      steps: maybe(fc.array(fc.string({ maxLength: 2 }), { maxLength: 3 })),
      ports: maybe(fc.uniqueArray(fc.integer({ min: 1, max: 5 }), { maxLength: 3 })),
      settings: maybe(
        fc.record({
          threads: maybe(fc.integer()),
          level: maybe(fc.constantFrom("low", "high")),
          engine: maybe(fc.constantFrom("e", "f")),
        }),
      ),
      disks: maybe(
        fc.dictionary(
          fc.constantFrom("a", "b", "c"),
          fc.record({ size: anySize, image: maybe(fc.constantFrom("i", "j")) }),
        ),
      ),
      rules: maybe(
        fc.array(
          fc.record({
            port: fc.integer({ min: 1, max: 3 }),
            protocol: maybe(fc.constantFrom("tcp", "udp")),
          }),
          { maxLength: 3 },
        ),
      ),
      partners: maybe(
        fc.uniqueArray(
          fc.record({
            name: fc.constantFrom("p", "q"),
            weight: maybe(fc.integer({ min: 1, max: 2 })),
          }),
          { maxLength: 3, selector: ({ name, weight }) => `${name} ${weight ?? 1}` },
        ),
      ),
      secret: maybe(fc.string({ minLength: 3, maxLength: 4 })),
      password: maybe(fc.integer({ min: 1, max: 3 })),
      zone: maybe(fc.constantFrom("z", "y")),
      address: maybe(fc.constantFrom("10.1.1.1", "10.1.1.2")),
      protection: fc.constant(false),
    },
    { noNullPrototype: true },
  )
  .map(({ password, ...item }) => ({
    ...item,
    password_wo: password === null ? null : `password ${password}`,
    password_wo_version: password,
  }));

/** A configuration, and what was known of it when it was planned. */
const anyStep = anyItem.chain((config) =>
  fc.record({ config: fc.constant(config), before: obscured(config) }),
);

let run = 0;
const nextStore = (): string => join(folder, `${run++}.json`);

const left = async (path: string): Promise<unknown[]> =>
  Object.values(await new MemoryStore(path).items());

test("every history of configurations converges under the rules of core", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 4 }), async (steps) => {
      const path = nextStore();
      const core = await simulate(memory, { path });
      let item: Instance | undefined;
      for (const { config, before } of steps) {
        item = await core.apply("memory_item", item, config, before);
        const { id } = plainValue(item.state) as { id: string };
        const imported = await core.import("memory_item", id);
        const plan = await core.plan("memory_item", imported, config);
        expect(plan.action).toBe("no-op");
        expect(await core.importByIdentity("memory_item", { id })).toEqual(imported);
        expect(await left(path)).toHaveLength(1);
      }
      await core.destroy("memory_item", item!);
      expect(await left(path)).toEqual([]);
    }),
    { numRuns: 150 },
  );
}, 600_000);

type Trouble = "none" | "drift" | "vanish" | "create" | "partial" | "update" | "delete";
const anyTrouble = fc.constantFrom<Trouble>(
  "none",
  "drift",
  "vanish",
  "create",
  "partial",
  "update",
  "delete",
);

test("so does every history with drift, lost objects and failures; nothing is lost or left over", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ config: anyItem, trouble: anyTrouble }), { minLength: 1, maxLength: 6 }),
      async (steps) => {
        const path = nextStore();
        const store = new MemoryStore(path);
        const core = await simulate(memory, { path });
        let item: Instance | undefined;
        for (const { config, trouble } of steps) {
          const id = item === undefined ? "" : (plainValue(item.state) as { id: string }).id;
          if (trouble === "drift" && id !== "") {
            await store.change(
              id,
              (before) =>
                before && {
                  ...before,
                  size: "7",
                  zone: "elsewhere",
                  revision: before.revision + 1,
                },
            );
          }
          if (trouble === "vanish" && id !== "") await store.change(id, () => undefined);
          const fails = ["create", "partial", "update", "delete"].includes(trouble);
          try {
            item = await core.apply("memory_item", item, fails ? { ...config, trouble } : config);
          } catch (error) {
            if (!(error instanceof CoreError)) throw error;
            expect(fails || error.message.includes("Unable to delete")).toBe(true);
            // A failure leaves in the state what is there, and nothing that is not.
            if (error.instance !== undefined || trouble === "create") item = error.instance;
          }
          expect((await left(path)).length).toBe(item === undefined ? 0 : 1);
        }
        if (item !== undefined) {
          item = await core.apply("memory_item", item, { name: "end" }).catch((error: unknown) => {
            expect(error).toBeInstanceOf(CoreError);
            return (error as CoreError).instance;
          });
        }
      },
    ),
    { numRuns: 150 },
  );
}, 600_000);

describe("what an example must show", () => {
  test("a protected object is not destroyed, and its plan says so", async () => {
    const core = await simulate(memory, { path: nextStore() });
    let item = await core.apply("memory_item", undefined, { name: "a", protection: true });
    await expect(core.destroy("memory_item", item)).rejects.toThrow(
      "It is protected. Set protection to false first. (at protection)",
    );
    item = await core.apply("memory_item", item, { name: "a" });
    await core.destroy("memory_item", item);
  });

  test("a write-only value arrives when its version changes, and only then", async () => {
    const path = nextStore();
    const core = await simulate(memory, { path });
    let item = await core.apply("memory_item", undefined, {
      name: "a",
      password_wo: "one",
      password_wo_version: 1,
    });
    item = await core.apply("memory_item", item, {
      name: "a",
      password_wo: "two",
      password_wo_version: 1,
    });
    expect(await left(path)).toMatchObject([{ password: "one" }]);
    item = await core.apply("memory_item", item, {
      name: "a",
      password_wo: "two",
      password_wo_version: 2,
    });
    expect(await left(path)).toMatchObject([{ password: "two" }]);
    expect(plainValue(item.state)).toMatchObject({ password_wo: null });
  });

  test("private data goes from apply to apply", async () => {
    const core = await simulate(memory, { path: nextStore() });
    let item = await core.apply("memory_item", undefined, { name: "a" });
    item = await core.apply("memory_item", item, { name: "a", steps: ["x"] });
    expect(new TextDecoder().decode(item.private)).toBe('{"generation":2}');
  });

  test("an old state is upgraded", async () => {
    const core = await simulate(memory, { path: nextStore() });
    const state = await core
      .resource("memory_item")
      .upgrade('{"id":"i","title":"a","bytes":2147483648}', 0);
    expect(plainValue(state)).toMatchObject({
      id: "i",
      name: "a",
      size: "2GiB",
      size_bytes: 2147483648,
    });
  });

  test("warnings reach the user once per call", async () => {
    const core = await simulate(memory, { path: nextStore() });
    await core.resource("memory_item").validate({ name: "odd" });
    expect(core.caller.warnings.map(({ summary }) => summary)).toEqual(["Odd name"]);
  });
});
