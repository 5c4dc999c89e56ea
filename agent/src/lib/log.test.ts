import { Writable } from "node:stream";
import { expect, test } from "vitest";
import { createLog, silentLog, type LogOptions } from "./log.ts";

function logged(options: LogOptions, write: (log: ReturnType<typeof createLog>) => void): string {
  let text = "";
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  write(createLog({ ...options, destination }));
  return text;
}

test("a line is JSON with its time, level, words and fields", () => {
  const line = logged({}, (log) => log.child({ vm: "web" }).info({ ms: 3 }, "started"));
  expect(JSON.parse(line)).toEqual({
    level: "info",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
    vm: "web",
    ms: 3,
    msg: "started",
  });
});

test("for people it is one line, with the stack of an error below", () => {
  const text = logged({ pretty: true }, (log) =>
    log.error({ vm: "web", error: new Error("boom") }, "failed"),
  );
  expect(text).toMatch(/^\d\d:\d\d:\d\d\.\d{3} ERROR failed vm=web\nError: boom\n {4}at /);
});

test("what could be a secret is hidden, and what is below the level is left out", () => {
  const text = logged({ level: "warn" }, (log) => {
    log.info({}, "quiet");
    log.warn(
      { password: "hunter2", spec: { cloud: { user_data: "hunter2" }, key: "hunter2" } },
      "w",
    );
  });
  expect(text.split("\n")).toHaveLength(2);
  expect(text).not.toContain("hunter2");
});

test("the silent log says nothing, its children neither", () => {
  expect(silentLog.child({ a: 1 })).toBe(silentLog);
  expect(silentLog.error({}, "x")).toBeUndefined();
});
