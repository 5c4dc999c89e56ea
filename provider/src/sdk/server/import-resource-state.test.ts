import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { plainValue } from "../testing/core-value.ts";
import { memory } from "../testing/memory.ts";
import { diagnosticTexts, thingCore } from "../testing/thing.ts";

let folder: string;
let core: Core;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterEach(() => rm(folder, { recursive: true }));

const message = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
const failure = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => "no failure", message);

describe("import", () => {
  test("by id, then read: the plan afterwards is empty", async () => {
    const item = await core.apply("memory_item", undefined, { name: "a", size: "2048MiB" });
    const imported = await core.import(
      "memory_item",
      (plainValue(item.state) as { id: string }).id,
    );
    expect(plainValue(imported.state)).toMatchObject({ name: "a", size: "2GiB" });
    expect((await core.plan("memory_item", imported, { name: "a", size: "2048MiB" })).action).toBe(
      "no-op",
    );
  });

  test("of something that is not there", async () => {
    expect(await failure(core.import("memory_item", "nope"))).toBe(
      "Unable to import memory_item: there is no object nope",
    );
  });

  test("without an id, or of a type that has no import", async () => {
    expect(await failure(core.import("memory_item", ""))).toContain("imported by id");
    const other = await thingCore(z.object({ a: z.string() }));
    expect(await failure(other.import("thing", "x"))).toBe(
      "Unable to import thing: thing does not support import.",
    );
  });
});

test("moving a state from another type is refused with a remedy", async () => {
  const response = await core.caller.callRaw("moveResourceState", {
    sourceTypeName: "old",
    targetTypeName: "memory_item",
  });
  expect(diagnosticTexts(response)).toEqual([
    'error Unable to move state to memory_item: The state of old cannot become memory_item. Remove it from the state with a "removed" block and import it as memory_item.',
  ]);
});
