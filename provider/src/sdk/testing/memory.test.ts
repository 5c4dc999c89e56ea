import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainValue } from "./core-value.ts";
import { simulate } from "./core.ts";
import type { Instance } from "./core-error.ts";
import { memory } from "./memory.ts";
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
          fc.record({ name: fc.constantFrom("p", "q"), weight: maybe(fc.integer({ min: 1, max: 2 })) }),
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

test("every history of configurations converges under the rules of core", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 4 }), async (steps) => {
      const core = await simulate(memory, { path: join(folder, `${run++}.json`) });
      let item: Instance | undefined;
      for (const { config, before } of steps) {
        item = await core.apply("memory_item", item, config, before);
        const { id } = plainValue(item.state) as { id: string };
        const imported = await core.import("memory_item", id);
        const plan = await core.plan("memory_item", imported, config);
        expect(plan.action).toBe("no-op");
      }
      await core.destroy("memory_item", item!);
    }),
    { numRuns: 150 },
  );
}, 120_000);
