import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import * as z from "zod";
import { providerFunction } from "../function.ts";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { coreValue, encoded, plainValue } from "../testing/core-value.ts";
import { memory } from "../testing/memory.ts";
import { thingCore } from "../testing/thing.ts";
import { parseType } from "../value/type.ts";
import { unknown } from "../value/unknown.ts";
import { createProviderService } from "./service.ts";

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

describe("functions", () => {
  test("are called with all arguments, variadic ones too", async () => {
    expect(await core.callFunction("join_names", ["-", "a", "b", "c"])).toBe("a-b-c");
    expect(await core.callFunction("join_names", ["-"])).toBe("");
  });

  test("decode by their schemas and give exact numbers", async () => {
    expect(await core.callFunction("size_in_bytes", ["4GiB"])).toBe(4294967296);
    expect(await core.callFunction("size_in_bytes", [null])).toBe(0);
  });

  test("may take and give anything", async () => {
    const anything = coreValue(parseType('["map","number"]'), { a: 2n ** 60n });
    const { Dynamic } = await import("../value/value.ts");
    const result = await core.callFunction("wrap", [
      new Dynamic(parseType('["map","number"]'), anything),
    ]);
    expect(plainValue(result)).toEqual({ wrapped: { a: 2n ** 60n }, list: [1, "two", null] });
  });

  test.each<[string, string, unknown[], string]>([
    [
      "an invalid argument",
      "size_in_bytes",
      ["lots"],
      'size must be a size such as "4GiB". (argument 0)',
    ],
    [
      "an invalid variadic argument",
      "join_names",
      ["-", "a", ""],
      "a name must not be empty (argument 2)",
    ],
    ["a null argument", "join_names", ["-", null], "names must not be null. (argument 1)"],
    [
      "a long argument",
      "join_names",
      ["long"],
      "separator must have at most 3 characters. (argument 0)",
    ],
    ["too few arguments", "size_in_bytes", [], "size_in_bytes needs 1 arguments."],
  ])("%s is an error at its place", async (_name, name, args, text) => {
    expect(await failure(core.callFunction(name, args))).toBe(text);
  });

  test("one argument too many", async () => {
    const args = [encoded(parseType('"string"'), "1B"), encoded(parseType('"string"'), "1B")];
    const { error } = await core.caller.call("callFunction", {
      name: "size_in_bytes",
      arguments: args,
    });
    expect(error).toMatchObject({
      text: "size_in_bytes takes no more arguments.",
      functionArgument: 1n,
    });
  });

  test("unknown arguments give an unknown result", async () => {
    expect(await core.callFunction("size_in_bytes", [unknown])).toEqual(unknown);
  });

  test("work without configuration", async () => {
    const service = createProviderService(memory);
    const { arguments: args } = { arguments: [encoded(parseType('"string"'), "1KiB")] };
    const { input } = (await import("@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts")).Provider.method
      .callFunction;
    const response = await service.callFunction(
      create(input, { name: "size_in_bytes", arguments: args }),
      {
        signal: new AbortController().signal,
      } as never,
    );
    expect(response.error).toBeUndefined();
  });

  test("a result of the wrong type is an error, not a crash", async () => {
    const broken = await thingCore(
      z.object({ a: z.string() }),
      {},
      {
        functions: [
          providerFunction({
            name: "f",
            summary: "",
            description: "",
            parameters: [],
            returns: z.string(),
            call: () => 5 as never,
          }),
        ],
      },
    );
    expect(await failure(broken.callFunction("f", []))).toBe("a string is required");
  });
});
