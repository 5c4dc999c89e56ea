import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { dataSource } from "../data-source.ts";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { plainValue } from "../testing/core-value.ts";
import { memory } from "../testing/memory.ts";
import { thingCore } from "../testing/thing.ts";
import { unknown } from "../value/unknown.ts";

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

describe("data sources", () => {
  test("are read; defaults are filled in and spellings kept", async () => {
    await core.apply("memory_item", undefined, { name: "a", size: "2GiB" });
    await core.apply("memory_item", undefined, { name: "b", size: "1MiB" });
    const state = plainValue(await core.readDataSource("memory_items", { minimum: "1024MiB" }));
    expect(state).toEqual({
      prefix: "",
      minimum: "1024MiB",
      names: ["a"],
      items: [{ name: "a", size_bytes: 2147483648 }],
    });
  });

  test("are validated", async () => {
    expect(await failure(core.readDataSource("memory_items", { minimum: "lots" }))).toContain(
      "Invalid value for minimum",
    );
  });

  test("a failure is a diagnostic", async () => {
    const broken = await thingCore(
      z.object({ a: z.string() }),
      {},
      {
        dataSources: [
          dataSource<unknown>()({
            type: "facts",
            description: "",
            schema: z.object({
              a: z.string().optional(),
              b: z.string().meta({ computed: "volatile" }),
            }),
            read: ({ config }) =>
              config.a === "throw"
                ? Promise.reject(new Error("no"))
                : Promise.resolve({ b: unknown as never }),
          }),
        ],
      },
    );
    expect(await failure(broken.readDataSource("facts", { a: "throw" }))).toBe(
      "Unable to read facts: no",
    );
    expect(await failure(broken.readDataSource("facts", {}))).toContain("b: the value is unknown");
  });
});
