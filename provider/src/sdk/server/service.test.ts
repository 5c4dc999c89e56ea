/** Configuration, schemas, and what all calls have in common. */

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ProviderDefinition } from "../provider.ts";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { coreValue, decoded, encoded, plainValue } from "../testing/core-value.ts";
import { memory, memoryProvider } from "../testing/memory.ts";
import { diagnosticTexts } from "../testing/thing.ts";
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
      generateResourceConfig: true,
    });
    expect(await service.getMetadata({} as never, context)).toMatchObject({
      resources: [{ typeName: "memory_item" }],
      dataSources: [{ typeName: "memory_items" }],
      ephemeralResources: [{ typeName: "memory_token" }],
      listResources: [{ typeName: "memory_item" }],
      actions: [{ typeName: "memory_touch" }],
      functions: [{ name: "join_names" }, { name: "size_in_bytes" }, { name: "wrap" }],
    });
    const { functions } = await service.getFunctions({} as never, context);
    expect(Object.keys(functions!)).toEqual(["join_names", "size_in_bytes", "wrap"]);
    const { identitySchemas } = await service.getResourceIdentitySchemas({} as never, context);
    expect(Object.keys(identitySchemas!)).toEqual(["memory_item"]);
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
