/**
 * What newer versions of Terraform than the installed one ask a provider's process for, over its socket: identities,
 * lists, actions and generated configurations.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { ProviderService } from "@lodge/provider/sdk/server/service.ts";
import { Core, simulateService } from "@lodge/provider/sdk/testing/core.ts";
import { coreValue, encoded, plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import { readSchema } from "@lodge/provider/sdk/testing/core-schema.ts";
import { startPlugin, type PluginProcess } from "@lodge/provider/sdk/testing/plugin-client.ts";
import { ProviderCaller } from "@lodge/provider/sdk/testing/provider-caller.ts";
import { memoryProvider, provider } from "../../scripts/build/executables.ts";
import { buildExecutable } from "../harness/executable.ts";

let folder: string;
let lodge: string;
let memory: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  [lodge, memory] = await Promise.all([buildExecutable(provider), buildExecutable(memoryProvider)]);
});
afterAll(() => rm(folder, { recursive: true }));

/** A provider's process as if it were in ours. */
async function service(process: PluginProcess): Promise<ProviderService> {
  const client = (await process.provider()) as unknown as Record<
    string,
    (request: unknown, options: object) => unknown
  >;
  // Whoever awaits it asks for `then`, which it does not have.
  return new Proxy({} as ProviderService, {
    get: (_, method: string) => {
      const call = client[method];
      return call && ((request: unknown, options: object) => call(request, options));
    },
  });
}

test("the provider's process says what it has, in less than 300 KB", async () => {
  await using process = startPlugin({ command: [lodge] });
  const caller = new ProviderCaller(await service(process));
  const schema = await caller.call("getProviderSchema", {});
  expect(toBinary(GetProviderSchema_ResponseSchema, schema).length).toBeLessThan(300 * 1024);
  const { identitySchemas } = await caller.call("getResourceIdentitySchemas", {});
  const types = Object.keys(schema.resourceSchemas);
  expect(Object.keys(identitySchemas).toSorted()).toEqual(types.toSorted());
  expect(Object.keys(schema.listResourceSchemas).toSorted()).toEqual(types.toSorted());
  expect(Object.keys(schema.actionSchemas).toSorted()).toEqual([
    "lodge_vm_reboot",
    "lodge_vm_reset",
    "lodge_vm_start",
    "lodge_vm_stop",
  ]);
  expect(schema.serverCapabilities).toMatchObject({
    planDestroy: true,
    getProviderSchemaOptional: true,
    generateResourceConfig: true,
    moveResourceState: false,
  });
  // As core loads it: whatever it would refuse is an error.
  expect(new Core(caller, schema, identitySchemas).schema).toBe(schema);
  expect(await process.shutdown()).toEqual({ code: 0, signal: null });
});

describe("a process", () => {
  test("serves identities, lists, actions and configurations over its socket", async () => {
    await using process = startPlugin({ command: [memory] });
    const core = await simulateService(await service(process), {
      path: join(folder, "store.json"),
    });
    const items = [];
    for (const name of ["a", "b", "c"])
      items.push(await core.apply("memory_item", undefined, { name, size: "2GiB" }));
    const { id } = plainValue(items[0]!.identity!) as { id: string };
    const imported = await core.importByIdentity("memory_item", { id });
    expect(imported.state).toEqual(items[0]!.state);
    const listed = await core.list("memory_item", {}, { wholeState: true });
    expect(listed.map(({ identity }) => identity)).toEqual(items.map(({ identity }) => identity));
    expect((await core.list("memory_item", {}, { limit: 2 })).length).toBe(2);
    const config = await core.generate("memory_item", imported);
    expect((await core.plan("memory_item", imported, config)).action).toBe("no-op");
    expect(await core.invoke("memory_touch", { id, address: "10.9.9.9" })).toEqual([
      `Looking for ${id}.`,
      "Its address is 10.9.9.9.",
    ]);
    expect(await process.shutdown()).toEqual({ code: 0, signal: null });
  });

  test("tells how an action goes while it is under way, and ends it when it is told to stop", async () => {
    await using process = startPlugin({ command: [memory] });
    const core = await simulateService(await service(process), { path: join(folder, "two.json") });
    const item = await core.apply("memory_item", undefined, { name: "a" });
    const { id } = plainValue(item.identity!) as { id: string };
    const { type } = readSchema(core.schema.actionSchemas["memory_touch"]?.schema, "memory_touch");
    const config = encoded(type, coreValue(type, { id, wait: true }));
    const events = core.caller.stream("invokeAction", { actionType: "memory_touch", config });
    expect((await events.next()).value?.type.case).toBe("progress");
    await core.caller.call("stopProvider", {});
    expect((await events.next()).value?.type).toMatchObject({ case: "completed" });
    expect((await events.next()).done).toBe(true);
    expect(await process.shutdown()).toEqual({ code: 0, signal: null });
  });

  test("outlives a list that nobody reads to its end", async () => {
    await using process = startPlugin({ command: [memory] });
    const core = await simulateService(await service(process), {
      path: join(folder, "three.json"),
    });
    for (const name of ["a", "b", "c"]) await core.apply("memory_item", undefined, { name });
    for (let round = 0; round < 20; round++)
      expect(await core.list("memory_item", {}, { limit: 1 })).toHaveLength(1);
    expect(await core.list("memory_item", {})).toHaveLength(3);
    expect(await process.shutdown()).toEqual({ code: 0, signal: null });
    expect(process.stderr).not.toMatch(/panic|unhandled/iu);
  });
});
