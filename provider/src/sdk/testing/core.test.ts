import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Core } from "./core.ts";
import { simulate } from "./core.ts";
import { plainValue } from "./core-value.ts";
import { memory } from "./memory.ts";

let folder: string;
let core: Core;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterEach(() => rm(folder, { recursive: true }));

test("a life", async () => {
  let item = await core.apply("memory_item", undefined, { name: "a" });
  expect(plainValue(item.state)).toMatchObject({ name: "a", size: "1GiB", revision: 1 });
  item = await core.apply("memory_item", item, {
    name: "a",
    size: "2048MiB",
    disks: { a: { size: "5GiB" } },
  });
  expect(plainValue(item.state)).toMatchObject({ name: "a", size: "2048MiB", revision: 2 });
  const plan = await core.plan("memory_item", item, {
    name: "a",
    size: "2GiB",
    disks: { a: { size: "5120MiB" } },
  });
  expect(plan.action).toBe("no-op");
  await core.destroy("memory_item", item);
});
