import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "../testing/core.ts";
import { simulate } from "../testing/core.ts";
import { coreValue, decoded, encoded, plainValue } from "../testing/core-value.ts";
import { memory } from "../testing/memory.ts";
import { diagnosticTexts } from "../testing/thing.ts";
import { parseType } from "../value/type.ts";
import { unknown } from "../value/unknown.ts";

let folder: string;
let core: Core;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sdk-"));
  core = await simulate(memory, { path: join(folder, "store.json") });
});
afterEach(() => rm(folder, { recursive: true }));

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
