/** The calls that need little: import, move, data sources, ephemeral resources, functions, metadata. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { dataSource } from "../data-source.ts";
import { providerFunction } from "../function.ts";
import type { ProviderDefinition } from "../provider.ts";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { coreValue, decoded, encoded, plainValue } from "../testing/core-value.ts";
import { memory, memoryProvider } from "../testing/memory.ts";
import { diagnosticTexts, thingCore } from "../testing/thing.ts";
import { parseType } from "../value/type.ts";
import { unknown } from "../value/unknown.ts";
import { deriveProviderSchema, encodeProviderSchema } from "./provider-schema.ts";
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

describe("ephemeral resources", () => {
  const type = () => {
    const { attributes } = core.schema.ephemeralResourceSchemas["memory_token"]!.block!;
    return parseType(
      JSON.stringify([
        "object",
        Object.fromEntries(
          attributes.map(({ name, type: bytes }) => [
            name,
            JSON.parse(new TextDecoder().decode(bytes)) as unknown,
          ]),
        ),
      ]),
    );
  };
  const open = (config: object) =>
    core.caller.callRaw("openEphemeralResource", {
      typeName: "memory_token",
      config: encoded(type(), coreValue(type(), config)),
    });

  test("open, renew and close hand on what is kept", async () => {
    const before = Date.now();
    const opened = await open({ audience: "me", lifetime_ms: 60_000 });
    expect(plainValue(decoded(type(), opened.result, "result"))).toEqual({
      audience: "me",
      lifetime_ms: 60_000,
      token: "token-for-me",
    });
    const renewAt = Number(opened.renewAt!.seconds) * 1000;
    expect(renewAt).toBeGreaterThanOrEqual(before + 59_000);
    const renewed = await core.caller.call("renewEphemeralResource", {
      typeName: "memory_token",
      private: opened.private!,
    });
    expect(new TextDecoder().decode(renewed.private)).toBe('{"audience":"me","renewals":1}');
    expect(renewed.renewAt).toBeUndefined();
    await core.caller.call("closeEphemeralResource", {
      typeName: "memory_token",
      private: renewed.private!,
    });
    expect(core.caller.warnings).toEqual([]);
  });

  test("may be opened twice, as every apply does", async () => {
    const [one, two] = [await open({ audience: "nobody" }), await open({ audience: "nobody" })];
    expect(one.result).toEqual(two.result);
    for (const { private: kept } of [one, two]) {
      await core.caller.call("closeEphemeralResource", {
        typeName: "memory_token",
        private: kept!,
      });
    }
    expect(core.caller.warnings.map(({ summary }) => summary)).toEqual([
      "Token of nobody",
      "Token of nobody",
    ]);
  });

  test("are validated, with unknown values too", async () => {
    const validate = (config: object) =>
      core.caller.callRaw("validateEphemeralResourceConfig", {
        typeName: "memory_token",
        config: encoded(type(), coreValue(type(), config)),
      });
    expect((await validate({ audience: "" })).diagnostics).toHaveLength(1);
    expect((await validate({ audience: unknown })).diagnostics).toEqual([]);
  });

  test("a configuration that was never sent is a diagnostic", async () => {
    const response = await core.caller.callRaw("openEphemeralResource", {
      typeName: "memory_token",
    });
    expect(diagnosticTexts(response)[0]).toContain("no value was sent");
  });
});

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
      'size is not valid: must be a size such as "4GiB". (argument 0)',
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
      "separator is not valid: Too big: expected string to have <=3 characters. (argument 0)",
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

describe("configuration of the provider", () => {
  test("is validated, and errors keep the provider unconfigured", async () => {
    expect(await failure(simulate(memory, { path: "" }))).toContain("Invalid value for path");
    expect(await failure(simulate(memory, { path: "/dev/null" }))).toContain(
      "Nothing can be kept there. (at path)",
    );
  });

  test("may be unknown at plan", async () => {
    const late = await simulate(memory, { path: unknown });
    expect((await late.plan("memory_item", undefined, { name: "a" })).action).toBe("create");
  });

  test("may come again and again", async () => {
    for (const name of ["one", "two"]) {
      await core.configure({ path: join(folder, `${name}.json`) });
      await core.apply("memory_item", undefined, { name });
      expect(plainValue(await core.readDataSource("memory_items", {}))).toMatchObject({
        names: [name],
      });
    }
  });

  test("without it a resource says so", async () => {
    const { ProviderCaller } = await import("../testing/provider-caller.ts");
    const caller = new ProviderCaller(createProviderService(memory));
    const { type } = core.resource("memory_item").schema;
    const response = await caller.callRaw("readResource", {
      typeName: "memory_item",
      currentState: encoded(type, coreValue(type, { id: "x" })),
    });
    expect(diagnosticTexts(response)).toEqual([
      "error Unable to read memory_item: The provider has not been configured.",
    ]);
  });
});

describe("schemas", () => {
  test("the asset is what the definitions derive, byte for byte each time", () => {
    const [one, two] = [encodeProviderSchema(memoryProvider), encodeProviderSchema(memoryProvider)];
    expect(one).toEqual(two);
    expect(
      toBinary(GetProviderSchema_ResponseSchema, deriveProviderSchema(memoryProvider)),
    ).toEqual(one);
    const decodedSchema = fromBinary(GetProviderSchema_ResponseSchema, one);
    const { attributes } = decodedSchema.resourceSchemas["memory_item"]!.block!;
    const names = attributes.map(({ name }) => name);
    expect(names).toEqual(names.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(
      Object.values(decodedSchema.resourceSchemas).every(
        ({ block }) => block?.blockTypes.length === 0,
      ),
    ).toBe(true);
  });

  test("are answered without loading the provider", async () => {
    let loads = 0;
    const definition: ProviderDefinition = {
      ...memory,
      load: () => {
        loads++;
        return memory.load();
      },
    };
    const service = createProviderService(definition);
    const context = { signal: new AbortController().signal } as never;
    const schema = await service.getProviderSchema({} as never, context);
    expect(schema.serverCapabilities).toMatchObject({
      planDestroy: true,
      getProviderSchemaOptional: true,
      moveResourceState: false,
    });
    expect(await service.getMetadata({} as never, context)).toMatchObject({
      resources: [{ typeName: "memory_item" }],
      dataSources: [{ typeName: "memory_items" }],
      ephemeralResources: [{ typeName: "memory_token" }],
      functions: [{ name: "join_names" }, { name: "size_in_bytes" }, { name: "wrap" }],
    });
    const { functions } = await service.getFunctions({} as never, context);
    expect(Object.keys(functions!)).toEqual(["join_names", "size_in_bytes", "wrap"]);
    expect(await service.getResourceIdentitySchemas({} as never, context)).toEqual({});
    expect(loads).toBe(0);
  });

  test("that cannot be read are a diagnostic", async () => {
    const service = createProviderService({
      ...memory,
      schemaAsset: () => {
        throw new Error("no such file");
      },
    });
    const { ProviderCaller } = await import("../testing/provider-caller.ts");
    const caller = new ProviderCaller(service);
    for (const method of ["getProviderSchema", "getMetadata", "getFunctions"] as const) {
      expect(diagnosticTexts(await caller.callRaw(method, {}))).toEqual([
        "error Unable to describe provider memory: no such file",
      ]);
    }
  });

  test("a type that is defined twice is a mistake", () => {
    const twice = {
      ...memoryProvider,
      resources: [...memoryProvider.resources, ...memoryProvider.resources],
    };
    expect(() => deriveProviderSchema(twice)).toThrow("memory_item is defined twice");
  });
});

test("every failure is told to the log with the error itself", async () => {
  const told: unknown[] = [];
  const service = createProviderService(
    { ...memory, load: () => Promise.reject(new Error("cannot load")) },
    { onError: (error, call) => told.push([message(error), call.verb, call.type]) },
  );
  const { ProviderCaller } = await import("../testing/provider-caller.ts");
  const response = await new ProviderCaller(service).callRaw("readResource", {
    typeName: "memory_item",
  });
  expect(diagnosticTexts(response)).toEqual(["error Unable to read memory_item: cannot load"]);
  expect(told).toEqual([["cannot load", "read", "memory_item"]]);
});

test("JSON is read where there is no MessagePack, and MessagePack is always written", async () => {
  const { type } = core.resource("memory_item").schema;
  const item = await core.apply("memory_item", undefined, { name: "json" });
  const { encodeJson } = await import("../value/json.ts");
  const response = await core.caller.call("readResource", {
    typeName: "memory_item",
    currentState: { json: new TextEncoder().encode(encodeJson(type, item.state)) },
  });
  expect(response.newState?.json).toHaveLength(0);
  expect(decoded(type, response.newState, "state")).toEqual(item.state);
});
