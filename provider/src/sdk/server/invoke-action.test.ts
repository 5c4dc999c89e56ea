/** Actions as Terraform 1.14 and later invoke them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { plainValue } from "../testing/core-value.ts";
import { simulate, type Core } from "../testing/core.ts";
import { memory } from "../testing/memory.ts";
import { encoded, coreValue } from "../testing/core-value.ts";
import { readSchema } from "../testing/core-schema.ts";
import { unknown } from "../value/unknown.ts";

let folder: string;
let core: Core;
let id: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
  const item = await core.apply("memory_item", undefined, { name: "a" });
  ({ id } = plainValue(item.state) as { id: string });
});
afterAll(() => rm(folder, { recursive: true }));

describe("an action", () => {
  test("tells how it goes, and then that it is done", async () => {
    expect(await core.invoke("memory_touch", { id, address: "10.1.1.1" })).toEqual([
      `Looking for ${id}.`,
      "Its address is 10.1.1.1.",
    ]);
    const item = await core.import("memory_item", id);
    expect(plainValue(item.state)).toMatchObject({ address: "10.1.1.1" });
  });

  test("is planned before all of its configuration is known", async () => {
    const lines = await core.invoke("memory_touch", { id }, { id: unknown, address: unknown });
    expect(lines.at(-1)).toMatch(/^Its address is/u);
  });

  test("is refused at plan, and fails when it is invoked", async () => {
    await expect(core.invoke("memory_touch", { id: "x" })).rejects.toThrow(
      "Unknown object: There is no object x. (at id)",
    );
    await expect(core.invoke("memory_touch", { id: "x" }, { id: unknown })).rejects.toThrow(
      "Unable to invoke memory_touch: there is no object x",
    );
    await expect(core.invoke("memory_touch", { id: "" })).rejects.toThrow(/\(at id\)/u);
  });

  test("is ended by a stop", async () => {
    const { type } = readSchema(core.schema.actionSchemas["memory_touch"]?.schema, "memory_touch");
    const config = encoded(type, coreValue(type, { id, wait: true }));
    const events = core.caller.stream("invokeAction", { actionType: "memory_touch", config });
    expect((await events.next()).value?.type.case).toBe("progress");
    await core.caller.call("stopProvider", {});
    const { value } = await events.next();
    expect(value?.type).toMatchObject({
      case: "completed",
      value: { diagnostics: [{ summary: "Unable to invoke memory_touch" }] },
    });
    expect((await events.next()).done).toBe(true);
    await core.configure({ path: join(folder, "store.json") });
  });

  test("that does not exist, or with nothing in it, ends with an error and with nothing else", async () => {
    for (const request of [
      { actionType: "stranger" },
      { actionType: "memory_touch" },
      { actionType: "memory_touch", config: { msgpack: new Uint8Array([0xc1]) } },
    ]) {
      const events = [];
      for await (const { type } of core.caller.stream("invokeAction", request)) events.push(type);
      expect(events).toHaveLength(1);
      expect(events[0]).toMatchObject({
        case: "completed",
        value: { diagnostics: [{ severity: 1 }] },
      });
    }
  });
});
