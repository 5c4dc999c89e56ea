import { Client, credentials, Metadata, Server, ServerCredentials } from "@grpc/grpc-js";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Provider } from "../gen/tfplugin6/tfplugin6_pb.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { connect, createClient } from "./client.ts";
import { codeFromNumber, codeNumber } from "./code.ts";
import { asLodgeError, fromWireStatus, LodgeError, lodgeError, toWireStatus } from "./error.ts";
import { agentLimits, formatBytes } from "./limits.ts";
import { reasonEntry, reasons } from "./reasons.ts";
import { bind } from "./service.ts";
import { failure, pair } from "./testing.ts";

const mebibytes = (count: number) => new Uint8Array(count * 1024 * 1024);

describe("oversize messages name the limit and the remedy", () => {
  const service = bind(Provider, {
    readResource: async () => ({ newState: { msgpack: mebibytes(9) } }),
    async *readStateBytes() {
      yield { bytes: mebibytes(1) };
      yield { bytes: mebibytes(9) };
    },
    async writeStateBytes(chunks) {
      for await (const _ of chunks) continue;
      return {};
    },
  });
  const large = { currentState: { msgpack: mebibytes(9) } };
  const expected = { code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE", retryable: false };

  test("before it leaves the client", async () => {
    await using both = await pair({ services: [service] });
    const error = await failure(createClient(Provider, both.transport).readResource(large));
    expect(error).toMatchObject(expected);
    expect(error.message).toMatch(/9(\.0)? MiB; the limit is 8 MiB/);
    expect(error.remedy).toContain("Send less");
  });

  test("at a server with a lower limit than the client's; the connection lives on", async () => {
    const limits = { ...agentLimits, maxSendBytes: 2 ** 30 };
    await using both = await pair({ services: [service] }, { limits });
    const client = createClient(Provider, both.transport);
    const error = await failure(client.readResource(large));
    expect(error).toMatchObject(expected);
    expect(error.message).toContain("8 MiB");
    expect(error.remedy).toBeDefined();
    async function* chunks() {
      yield { bytes: mebibytes(1) };
      yield { bytes: mebibytes(9) };
    }
    expect(await failure(client.writeStateBytes(chunks()))).toMatchObject(expected);
    expect(both.server.connections).toBe(1);
  });

  test("in the answer, unary and streaming", async () => {
    await using both = await pair({ services: [service] });
    const client = createClient(Provider, both.transport);
    expect(await failure(client.readResource({}))).toMatchObject(expected);
    const sizes: number[] = [];
    const stream = (async () => {
      for await (const { bytes } of client.readStateBytes({})) sizes.push(bytes.length);
    })();
    expect(await failure(stream)).toMatchObject(expected);
    expect(sizes).toEqual([1024 * 1024]);
  });

  test("in an answer that the server would send but the client does not take", async () => {
    await using both = await pair({
      services: [service],
      limits: { ...agentLimits, maxSendBytes: 2 ** 30 },
    });
    expect(await failure(createClient(Provider, both.transport).readResource({}))).toMatchObject(
      expected,
    );
  });

  test("sizes are written for people", () => {
    expect([0, 1023, 1024, 1536, 8 * 1024 * 1024, 9_500_000].map(formatBytes)).toEqual([
      "0 bytes",
      "1023 bytes",
      "1 KiB",
      "1.5 KiB",
      "8 MiB",
      "9.1 MiB",
    ]);
  });
});

describe("foreign peers", () => {
  const raw = (bytes: Buffer) => bytes;
  const path = "/tfplugin6.Provider/StopProvider";

  test("bytes that are no message are the sender's fault", async () => {
    await using both = await pair({
      services: [bind(Provider, { stopProvider: async () => ({}) })],
    });
    const client = new Client(both.address, credentials.createInsecure());
    const error = await new Promise<{ code: number; details: string } | null>((resolve) => {
      client.makeUnaryRequest(path, raw, raw, Buffer.from([0x0a, 0xff]), resolve);
    });
    client.close();
    expect(codeFromNumber(error?.code ?? 0)).toBe("INVALID_ARGUMENT");
    expect(error?.details).toContain("tfplugin6.StopProvider.Request");
  });

  test("codes, reasons and details of another version are tolerated", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-rpc-"));
    const server = new Server();
    const answers = [
      { code: 42, details: "brand new", metadata: new Metadata() },
      { code: 9, details: "", metadata: new Metadata() },
      { code: 9, details: "details that do not parse", metadata: withDetail(Buffer.from([0xff])) },
      {
        code: 9,
        details: "more details than we know",
        // reason "BRAND_NEW", and a field 1000.
        metadata: withDetail(
          Buffer.from([0x0a, 9, ...Buffer.from("BRAND_NEW"), 0xc2, 0x3e, 1, 65]),
        ),
      },
    ];
    let turn = 0;
    server.register(
      path,
      ((_: unknown, callback: (error: unknown) => void) => callback(answers[turn++])) as never,
      raw,
      raw,
      "unary",
    );
    const address = `unix:${join(directory, "s.sock")}`;
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(address, ServerCredentials.createInsecure(), (error) =>
        error ? reject(error) : resolve(),
      );
    });
    using transport = connect({ address, security: "plaintext" });
    const client = createClient(Provider, transport);
    const errors: LodgeError[] = [];
    for (const _ of answers) errors.push(await failure(client.stopProvider({})));
    server.forceShutdown();
    rmSync(directory, { recursive: true });
    expect(errors.map(({ code, reason, message }) => [code, reason, message])).toEqual([
      ["UNKNOWN", "", "brand new"],
      ["FAILED_PRECONDITION", "", "FAILED_PRECONDITION"],
      ["FAILED_PRECONDITION", "", "details that do not parse"],
      ["FAILED_PRECONDITION", "BRAND_NEW", "more details than we know"],
    ]);
  });

  function withDetail(bytes: Buffer): Metadata {
    const metadata = new Metadata();
    metadata.set("lodge-error-bin", bytes);
    return metadata;
  }
});

describe("errors", () => {
  test("every reason has a code, a meaning and a stable spelling", () => {
    for (const [reason, { code, meaning }] of Object.entries(reasons)) {
      expect(reason).toMatch(/^[A-Z][A-Z0-9_]+$/);
      expect(codeNumber(code)).toBeGreaterThan(0);
      expect(meaning).toMatch(/^[A-Z].*\.$/);
    }
    expect(reasonEntry("toString")).toBeUndefined();
  });

  test("what travels comes back, every reason", () => {
    for (const reason of Object.keys(reasons) as (keyof typeof reasons)[]) {
      const error = lodgeError(reason, `because of ${reason}`, { name: "web", remedy: "Wait." });
      const back = fromWireStatus(toWireStatus(error));
      expect(back).toMatchObject({
        code: error.code,
        reason,
        message: error.message,
        objectName: "web",
        remedy: "Wait.",
        retryable: error.retryable,
        violations: [],
      });
      expect(back.is(reason)).toBe(true);
    }
  });

  test.each([
    [new Error("x"), "INTERNAL"],
    ["text", "INTERNAL"],
    [undefined, "INTERNAL"],
    [new DOMException("x", "AbortError"), "CANCELLED"],
    [new DOMException("x", "TimeoutError"), "DEADLINE_EXCEEDED"],
  ])("%s is guessed as %s", (thrown, code) => {
    const error = asLodgeError(thrown);
    expect(error.code).toBe(code);
    expect(error.cause).toBe(thrown);
    expect(asLodgeError(error)).toBe(error);
  });

  test("numbers outside the standard are UNKNOWN", () => {
    expect([0, 17, -1, 1.5, Number.NaN].map(codeFromNumber)).toEqual(
      Array.from({ length: 5 }, () => "UNKNOWN"),
    );
    expect(codeFromNumber(16)).toBe("UNAUTHENTICATED");
  });
});

describe("addresses", () => {
  test.each([
    ["unix:/run/x.sock", { path: "/run/x.sock" }, "unix:/run/x.sock"],
    ["/run/x.sock", { path: "/run/x.sock" }, "unix:/run/x.sock"],
    ["rack1.example.net:6800", { host: "rack1.example.net", port: 6800 }, "rack1.example.net:6800"],
    ["[::1]:0", { host: "::1", port: 0 }, "[::1]:0"],
  ])("%s", (text, address, formatted) => {
    expect(parseAddress(text)).toEqual(address);
    expect(formatAddress(parseAddress(text))).toBe(formatted);
  });

  test.each([
    "",
    "rack1",
    "rack1:",
    ":80",
    "rack1:70000",
    "::1:80",
    "http://rack1:80",
    "unix:x",
    "a b:1",
  ])("%j is none", (text) => {
    expect(() => parseAddress(text)).toThrow(/is no address/);
  });
});
