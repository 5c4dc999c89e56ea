import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLog, type Level } from "./log.ts";
import { logLevel, openLog, silentLog } from "./log-level.ts";

function capture(level: Level = "trace") {
  const lines: string[] = [];
  return { lines, log: createLog("provider.test", level, (line) => lines.push(line)) };
}

describe("log", () => {
  test("writes what hclog reads: strings under @-keys, six decimals, one line each", () => {
    const { log, lines } = capture();
    log.info("made a thing", { id: "x", count: 3, ok: true });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
    expect(line).toEqual({
      "@level": "info",
      "@timestamp": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      "@module": "provider.test",
      "@message": "made a thing",
      id: "x",
      count: 3,
      ok: true,
    });
  });

  test("whatever is logged, no @-key is anything but a string, and every line is whole", () => {
    const fields = fc.dictionary(
      fc.oneof(
        fc.string(),
        fc.constantFrom("@message", "@level", "@timestamp", "@module", "level", "msg"),
      ),
      fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(undefined)),
    );
    const messages = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constant(42 as never),
      fc.constant(null as never),
    );
    fc.assert(
      fc.property(
        messages,
        fields,
        fc.constantFrom<Level>("trace", "error"),
        (message, values, level) => {
          const { log, lines } = capture();
          log[level](message, values);
          expect(lines).toHaveLength(1);
          expect(lines[0]?.trimEnd()).not.toMatch(/\n/);
          const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
          for (const [key, value] of Object.entries(line))
            if (key.startsWith("@")) expect(typeof value).toBe("string");
          expect(line["@level"]).toBe(level);
          // A key given twice would be read as its last.
          expect(lines[0]?.split('"@message":').length).toBe(2);
        },
      ),
    );
  });

  test("long messages stay below Terraform's limit of a line", () => {
    const { log, lines } = capture();
    log.warn("ü".repeat(1_000_000));
    expect(Buffer.byteLength(lines[0] ?? "")).toBeLessThan(64 * 1024);
  });

  test("lines below the level are not written", () => {
    const { log, lines } = capture("warn");
    log.debug("no");
    log.info("no");
    log.warn("yes");
    log.error("yes");
    expect(lines).toHaveLength(2);
  });
});

describe("level", () => {
  test.each([
    [{}, undefined],
    [{ TF_LOG: "" }, undefined],
    [{ TF_LOG: "OFF" }, undefined],
    [{ TF_LOG: "debug" }, "debug"],
    [{ TF_LOG: "JSON" }, "trace"],
    [{ TF_LOG: "verbose" }, "trace"],
    [{ TF_LOG: "ERROR", TF_LOG_PROVIDER: "INFO" }, "info"],
    [{ TF_LOG: "TRACE", TF_LOG_PROVIDER: "off" }, undefined],
    [{ TF_LOG_PROVIDER: "INFO", TF_LOG_PROVIDER_MY_CLOUD: "WARN" }, "warn"],
    [{ TF_LOG_PROVIDER_OTHER: "WARN" }, undefined],
  ] as const)("%j gives %s", (env, level) => {
    expect(logLevel(env, "my-cloud")).toBe(level);
  });

  test("nobody reads: nothing is written, and the library is not needed", async () => {
    expect(await openLog({}, "x")).toBe(silentLog);
  });
});
