import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { QmpClient, type QmpOptions } from "./qmp-client.ts";
import type { QmpEvent } from "./qmp-commands.ts";
import { FakeQmpServer } from "./qmp-server.fake.ts";

const signal = new AbortController().signal;

describe("a client of QEMU's monitor", () => {
  let server: FakeQmpServer;
  let events: QmpEvent[];
  beforeEach(async () => {
    server = await FakeQmpServer.listen();
    events = [];
  });
  afterEach(() => server[Symbol.dispose]());

  const connect = (options: QmpOptions = {}, path = server.path) =>
    QmpClient.connect(path, { onEvent: (event) => events.push(event), ...options }, signal);
  const failed = (words: string) => ({
    reason: "MONITOR_FAILED",
    code: "UNAVAILABLE",
    retryable: true,
    message: expect.stringContaining(words),
  });

  it("negotiates, and gets answers to what it asks, also out of order", async () => {
    using client = await connect();
    const held: number[] = [];
    server.answer = ({ execute, id }) => {
      if (execute === "query-status") return { return: { status: "running", running: true } };
      held.push(id);
      return undefined;
    };
    const uuid = client.execute("query-uuid", undefined, signal);
    const status = await client.execute("query-status", undefined, signal);
    expect(status).toEqual({ status: "running", running: true });
    server.write(`{"return": {"UUID": "one"}, "id": ${held[0]}}\n`);
    expect(await uuid).toEqual({ UUID: "one" });
    expect(server.asked.map(({ execute }) => execute)).toEqual([
      "qmp_capabilities",
      "query-uuid",
      "query-status",
    ]);
  });

  it("passes arguments on, and QEMU's refusals in its own words", async () => {
    using client = await connect();
    server.answer = () => ({ error: "Cannot find device=x nor node-name=x" });
    const args = { "node-name": "x", size: 5 };
    await expect(client.execute("block_resize", args, signal)).rejects.toMatchObject({
      reason: "COMMAND_FAILED",
      message: expect.stringContaining("Cannot find device=x nor node-name=x"),
    });
    expect(server.asked.at(-1)).toMatchObject({ execute: "block_resize", arguments: args });
  });

  it("hears events, also such that come in pieces or several at once", async () => {
    using _client = await connect();
    server.write('{"event": "RESET", "da');
    await sleep(10);
    server.write('ta": {"guest": true}}\r\n{"event": "STOP"}\r\n{"event"');
    server.write(': "RESUME", "data": []}\n');
    while (events.length < 3) await sleep(1);
    expect(events).toEqual([
      { event: "RESET", data: { guest: true } },
      { event: "STOP", data: {} },
      { event: "RESUME", data: {} },
    ]);
  });

  it("gives up on a monitor that does not greet, such as one that another client holds", async () => {
    using _first = await connect();
    await expect(connect({ greetingTimeout: 50 })).rejects.toMatchObject(failed("another client"));
  });

  it("gives up on a monitor that does not answer, and ends the connection", async () => {
    using client = await connect({ answerTimeout: 2_000 });
    server.answer = () => undefined;
    const asked = client.execute("query-status", undefined, signal);
    await expect(asked).rejects.toMatchObject(failed("no answer to query-status"));
    expect(await client.closed).toMatchObject(failed("no answer"));
  });

  it.each([
    ["no JSON", "hello\n"],
    ["JSON that is no object", "[1]\n"],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x0a])],
    ["a line without end", "x".repeat(5 * 2 ** 20)],
  ])("ends a connection on which %s comes", async (_, bytes) => {
    using client = await connect();
    server.answer = () => undefined;
    const asked = client.execute("query-status", undefined, signal);
    asked.catch(() => undefined);
    server.write(bytes);
    await expect(asked).rejects.toMatchObject(failed("not QMP"));
    expect(await client.closed).toMatchObject(failed("not QMP"));
    await expect(client.execute("query-status", undefined, signal)).rejects.toMatchObject(
      failed("not QMP"),
    );
  });

  it("passes over answers to nothing that was asked", async () => {
    using client = await connect();
    server.write('{"return": {}, "id": 99}\n{"error": {"desc": "x"}}\n{}\n');
    server.answer = () => ({ return: { UUID: "mine" } });
    expect(await client.execute("query-uuid", undefined, signal)).toEqual({ UUID: "mine" });
  });

  it("fails everything that waits when the connection ends", async () => {
    using client = await connect();
    server.answer = () => undefined;
    const asked = client.execute("query-status", undefined, signal);
    asked.catch(() => undefined);
    server.disconnect();
    await expect(asked).rejects.toMatchObject({ reason: "MONITOR_FAILED" });
    expect(await client.closed).toMatchObject({ reason: "MONITOR_FAILED" });
  });

  it("says so where there is no socket", async () => {
    await expect(connect({}, `${server.path}.missing`)).rejects.toMatchObject(failed("ENOENT"));
    writeFileSync(`${server.path}.file`, "");
    await expect(connect({}, `${server.path}.file`)).rejects.toMatchObject(failed("ECONNREFUSED"));
  });

  it("stops waiting when its caller does, and goes on serving others", async () => {
    using client = await connect();
    server.answer = () => undefined;
    const reason = new Error("enough");
    const abort = new AbortController();
    const asked = client.execute("query-status", undefined, abort.signal);
    abort.abort(reason);
    await expect(asked).rejects.toBe(reason);
    server.answer = () => ({ return: { UUID: "mine" } });
    expect(await client.execute("query-uuid", undefined, signal)).toEqual({ UUID: "mine" });
  });
});
