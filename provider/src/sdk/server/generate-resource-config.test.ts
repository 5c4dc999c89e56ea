/** Configurations that are written for objects which exist already. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as z from "zod";
import { afterAll, beforeAll, expect, test } from "vitest";
import { simulate, type Core } from "../testing/core.ts";
import { memory } from "../testing/memory.ts";
import { thingCore } from "../testing/thing.ts";

let folder: string;
let core: Core;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterAll(() => rm(folder, { recursive: true }));

const said = (config: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));

test("what is written says what the object is, and nothing of what follows by itself", async () => {
  const made = await core.apply("memory_item", undefined, {
    name: "a",
    size: "4096MiB",
    mode: "safe",
    password_wo: "secret",
    password_wo_version: 1,
    disks: { root: { size: "1GiB", image: "debian" } },
    rules: [{ port: 22 }, { port: 53, protocol: "udp" }],
  });
  const config = await core.generate("memory_item", made);
  expect(said(config)).toEqual({
    name: "a",
    size: "4096MiB",
    password_wo_version: 1,
    zone: "somewhere",
    address: expect.any(String),
    disks: { root: { size: "1GiB", image: "debian", serial: null } },
    rules: [
      { port: 22, protocol: null, hits: null },
      { port: 53, protocol: "udp", hits: null },
    ],
  });
});

test("it plans nothing, since the defaults say the rest", async () => {
  const made = await core.apply("memory_item", undefined, {
    name: "b",
    labels: { a: "b" },
    ports: [22, 80],
    settings: { threads: 3 },
    partners: [{ name: "p" }, { name: "q", weight: 5 }],
  });
  const config = await core.generate("memory_item", made);
  expect((await core.plan("memory_item", made, config)).action).toBe("no-op");
});

test("what is deprecated is not written, unless it must be", async () => {
  const thing = await thingCore(
    z.object({
      old: z.string().optional().meta({ deprecated: true }),
      older: z.string().meta({ deprecated: true }),
      new: z.string().optional(),
    }),
    {},
  );
  const made = await thing.apply("thing", undefined, { old: "x", older: "y", new: "z" });
  expect(await thing.generate("thing", made)).toEqual({ old: null, older: "y", new: "z" });
});

test("of a type that is not there is an error", async () => {
  const { diagnostics } = await core.caller.callRaw("generateResourceConfig", {
    typeName: "stranger",
  });
  expect(diagnostics).toMatchObject([
    { summary: "Unable to generate the configuration of stranger" },
  ]);
});
