/** Identities as Terraform 1.12 and later ask for them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CoreError } from "../testing/core-error.ts";
import { plainValue } from "../testing/core-value.ts";
import { simulate, type Core } from "../testing/core.ts";
import { memory, memoryProvider } from "../testing/memory.ts";
import { thingCore, thingProvider } from "../testing/thing.ts";
import { deriveIdentitySchemas, encodeIdentitySchemas } from "./provider-schema.ts";

let folder: string;
let core: Core;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterAll(() => rm(folder, { recursive: true }));

const idOf = (item: { readonly identity?: unknown }) =>
  (plainValue(item.identity as never) as { id: string }).id;

describe("the identity of an object", () => {
  test("is what its state says, after apply, read and import", async () => {
    const made = await core.apply("memory_item", undefined, { name: "a" });
    const identity = { id: (plainValue(made.state) as { id: string }).id, name: "a" };
    expect(plainValue(made.identity!)).toEqual(identity);
    const changed = await core.apply("memory_item", made, { name: "a", size: "2GiB" });
    expect(changed.identity).toEqual(made.identity);
    const imported = await core.import("memory_item", identity.id);
    expect(imported.identity).toEqual(made.identity);
  });

  test("is that of another object after a replacement", async () => {
    const made = await core.apply("memory_item", undefined, { name: "b" });
    const other = await core.apply("memory_item", made, { name: "c" });
    expect(plainValue(other.identity!)).toMatchObject({ name: "c" });
    expect(idOf(other)).not.toBe(idOf(made));
  });

  test("is not known in the plan of an object that is to be made", async () => {
    const plan = await core.plan("memory_item", undefined, { name: "d" });
    expect(plan.identity).toBeNull();
    const made = await core.apply("memory_item", undefined, { name: "d" });
    expect((await core.plan("memory_item", made, { name: "d" })).identity).toEqual(made.identity);
  });

  test("is kept of what was made half-way, and of what could not be changed", async () => {
    const half = await core
      .apply("memory_item", undefined, { name: "e", trouble: "partial" })
      .catch((error: CoreError) => error.instance!);
    expect(idOf(half)).toBe((plainValue(half.state) as { id: string }).id);
    const made = await core.apply("memory_item", undefined, { name: "f" });
    const failed = await core
      .apply("memory_item", made, { name: "f", size: "3GiB", trouble: "update" })
      .catch((error: CoreError) => error.instance!);
    expect(failed.identity).toEqual(made.identity);
  });

  test("is found out where an older Terraform has kept none", async () => {
    const made = await core.apply("memory_item", undefined, { name: "g" });
    const old = { ...made, identity: undefined };
    expect((await core.refresh("memory_item", old))?.identity).toEqual(made.identity);
  });
});

describe("import by identity", () => {
  test("needs what is required, and agrees with what is optional", async () => {
    const made = await core.apply("memory_item", undefined, { name: "h" });
    const id = idOf(made);
    for (const identity of [{ id }, { id, name: "h" }]) {
      const imported = await core.importByIdentity("memory_item", identity);
      expect(imported.state).toEqual(made.state);
      expect(imported.identity).toEqual(made.identity);
    }
    await expect(core.importByIdentity("memory_item", { id, name: "z" })).rejects.toThrow(
      `${id} is h, not z`,
    );
    await expect(core.importByIdentity("memory_item", { name: "h" })).rejects.toThrow("needs id");
  });

  test("of another object than was asked for is a bug, and told as one", async () => {
    const schema = z.object({ id: z.string().meta({ computed: "stable" }) });
    const thing = await thingCore(schema, {
      identity: { version: 0, schema: z.object({ id: z.string() }) },
      import: () => Promise.resolve({ state: { id: "other" } }),
    });
    await expect(thing.importByIdentity("thing", { id: "this" })).rejects.toThrow(
      "id: the value is part of the identity, which must never change",
    );
  });
});

test("an identity that changes is a bug of the provider, told as one", async () => {
  let id = "one";
  const thing = await thingCore(
    z.object({ id: z.string().meta({ computed: "stable" }), x: z.string().optional() }),
    {
      identity: { version: 0, schema: z.object({ id: z.string() }) },
      create: () => Promise.resolve({ state: { id } }),
      read: () => Promise.resolve({ state: { id } }),
    },
  );
  const made = await thing.apply("thing", undefined, {});
  id = "two";
  await expect(thing.refresh("thing", made)).rejects.toThrow(
    "Provider produced an invalid state of thing: id: the value is part of the identity, which must never change.",
  );
});

describe("a stored identity", () => {
  const resource = () => core.resource("memory_item");

  test("of an older version is brought to the current one", async () => {
    expect(plainValue(await resource().upgradeIdentity('{"uuid":"x"}', 0))).toEqual({
      id: "x",
      name: null,
    });
    expect(plainValue(await resource().upgradeIdentity('{"id":"x","old":1}', 1))).toEqual({
      id: "x",
      name: null,
    });
  });

  test.each([
    [2, "{}", "The identity was written by a later version of the provider"],
    [1, "[]", "object is required"],
    [1, "", "Terraform sent no identity."],
    [-1, "{}", "The identity has schema version -1"],
  ])("of version %i and %j is an error", async (version, json, message) => {
    await expect(resource().upgradeIdentity(json, version)).rejects.toThrow(message);
  });

  test("of a type without identities is an error", async () => {
    const thing = await thingCore(z.object({ id: z.string().meta({ computed: "stable" }) }));
    await expect(thing.resource("thing").upgradeIdentity("{}", 0)).rejects.toThrow(
      "Objects of thing have no identity apart from their state.",
    );
  });
});

describe("identity schemas", () => {
  test("are what the definitions derive, the same bytes each time", () => {
    const bytes = encodeIdentitySchemas(memoryProvider);
    expect(encodeIdentitySchemas(memoryProvider)).toEqual(bytes);
    const { identityAttributes } =
      deriveIdentitySchemas(memoryProvider).identitySchemas["memory_item"]!;
    expect(
      identityAttributes.map(
        ({ name, type, requiredForImport, optionalForImport, description }) => ({
          name,
          type: new TextDecoder().decode(type),
          requiredForImport,
          optionalForImport,
          description,
        }),
      ),
    ).toEqual([
      {
        name: "id",
        type: '"string"',
        requiredForImport: true,
        optionalForImport: false,
        description: "The id.",
      },
      {
        name: "name",
        type: '"string"',
        requiredForImport: false,
        optionalForImport: true,
        description: "The name.",
      },
    ]);
  });

  test.each([
    [{ other: z.string() }, "thing.identity.other: the resource has no such attribute"],
    [{ id: z.number() }, "thing.identity.id: the resource's attribute has another type"],
    [
      { labels: z.record(z.string(), z.string()) },
      "thing.identity.labels: must be a string, number, bool or a list of them",
    ],
    [
      { id: z.string().default("x") },
      "thing.identity.id: must be plain or optional, without a default",
    ],
  ])("that cannot be are a mistake: %#", async (shape, message) => {
    const schema = z.object({
      id: z.string().meta({ computed: "stable" }),
      labels: z.record(z.string(), z.string()).optional(),
    });
    const definition = thingProvider(schema, {
      identity: { version: 0, schema: z.object(shape as z.ZodRawShape) },
    });
    expect(() => definition.identityAsset()).toThrow(message);
  });
});
