import { mkdtempSync, rmSync } from "node:fs";
import {
  connect as connectSocket,
  createServer as createSocketServer,
  type AddressInfo,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  type KeyPair,
} from "@lodge/agent/lib/pki.ts";
import { GRPCController } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { connect, createClient, type TransportOptions } from "@lodge/schemas/rpc/client.ts";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { createServer, type Server } from "@lodge/schemas/rpc/server.ts";
import { bind, type Peer } from "@lodge/schemas/rpc/service.ts";
import type { ClientTls, ServerTls } from "@lodge/schemas/rpc/tls.ts";

const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2020-02-01") };
const future = { notBefore: new Date(Date.now() + 3_600_000) };

let directory: string;
let authority: KeyPair;
let foreign: KeyPair;
let rack1: KeyPair;
let ann: KeyPair;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "lodge-tls-"));
  [authority, foreign] = await Promise.all([createAuthority("ours"), createAuthority("ours")]);
  rack1 = await issueServerCertificate(authority, { host: "rack1" });
  ann = await issueClientCertificate(authority, { user: "ann", role: "admin" });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const serverTls = (pair: KeyPair = rack1, ca: KeyPair = authority): ServerTls => ({
  ca: ca.certificate,
  ...pair,
});
const clientTls = (
  pair: KeyPair = ann,
  ca: KeyPair = authority,
  serverName = "rack1",
): ClientTls => ({
  ca: ca.certificate,
  ...pair,
  serverName,
});

let sockets = 0;
const transports = {
  "unix socket": () => `unix:${join(directory, `${++sockets}.sock`)}`,
  loopback: () => "127.0.0.1:0",
};

interface Running extends AsyncDisposable {
  readonly address: string;
  readonly refusals: string[];
  readonly peers: Peer[];
  readonly server: Server;
}

async function serve(address: string, tls: ServerTls | "plaintext"): Promise<Running> {
  const refusals: string[] = [];
  const peers: Peer[] = [];
  const server = createServer({
    services: [
      bind(GRPCController, {
        shutdown: async (_, context) => {
          peers.push({ address: context.peer.address, certificate: context.peer.certificate });
          return {};
        },
      }),
    ],
    onRefused: (reason) => refusals.push(reason),
  });
  const bound = await server.listen(address, tls);
  return { address: bound, refusals, peers, server, [Symbol.asyncDispose]: () => server.close(0) };
}

/** Makes one call, and returns the error that it ends in. */
async function call(options: Omit<TransportOptions, "timeoutMs">): Promise<LodgeError | undefined> {
  using transport = connect({ ...options, timeoutMs: 20_000 });
  return await createClient(GRPCController, transport)
    .shutdown({})
    .then(
      () => undefined,
      (error: unknown) => {
        expect(error).toBeInstanceOf(LodgeError);
        return error as LodgeError;
      },
    );
}

describe.each(Object.keys(transports) as (keyof typeof transports)[])(
  "mutual TLS over %s",
  (kind) => {
    const address = () => transports[kind]();

    test("both sides know each other; the handler sees the client's certificate", async () => {
      await using running = await serve(address(), serverTls());
      expect(await call({ address: running.address, security: clientTls() })).toBeUndefined();
      expect(running.peers[0]?.certificate).toMatchObject({
        commonName: "ann",
        organizationalUnits: ["admin"],
        dnsNames: [],
      });
      expect(running.peers[0]?.certificate?.raw.byteLength).toBeGreaterThan(300);
      expect(running.peers[0]?.certificate?.fingerprint).toMatch(/^[0-9a-f]{64}$/);
      expect(running.peers[0]?.address).toMatch(
        kind === "loopback" ? /^127\.0\.0\.1:\d+$/ : /^unix$/,
      );
      await expect.poll(() => running.server.connections).toBe(0);
    });

    test("a renewed identity meets later connections; those that are open live on", async () => {
      await using running = await serve(address(), serverTls());
      using transport = connect({ address: running.address, security: clientTls() });
      const client = createClient(GRPCController, transport);
      await client.shutdown({});
      const renewed = await createAuthority("Lodge test");
      const own = await issueServerCertificate(renewed, {
        host: "rack1",
        dnsNames: ["localhost"],
        addresses: ["127.0.0.1"],
      });
      const user = await issueClientCertificate(renewed, { user: "bob", role: "admin" });
      const ca = renewed.certificate;
      expect(() => running.server.renew({ ca, ...own, key: user.key })).toThrow("does not belong");
      running.server.renew({ ca, ...own });
      const security = { ...clientTls(), ca, ...user };
      expect(await call({ address: running.address, security })).toBeUndefined();
      expect(running.peers.at(-1)?.certificate?.commonName).toBe("bob");
      const former = await call({ address: running.address, security: clientTls() });
      expect(former).toMatchObject({ reason: expect.stringContaining("CERTIFICATE") });
      await client.shutdown({});
    });

    test("wrong host name", async () => {
      await using running = await serve(address(), serverTls());
      const error = await call({
        address: running.address,
        security: clientTls(ann, authority, "rack2"),
      });
      expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "SERVER_NAME_MISMATCH" });
      expect(error?.message).toContain("rack2");
      expect(running.peers).toEqual([]);
    });

    test("server's certificate from another authority of the same name", async () => {
      const other = await issueServerCertificate(foreign, { host: "rack1" });
      await using running = await serve(address(), serverTls(other));
      const error = await call({ address: running.address, security: clientTls() });
      expect(error).toMatchObject({ reason: "SERVER_CERTIFICATE_UNTRUSTED", retryable: false });
      expect(error?.remedy).toContain("CA certificate");
    });

    test.each([
      ["expired", past, /has expired/],
      ["not yet valid", future, /not valid yet/],
    ])("server's certificate %s", async (_, validity, message) => {
      const old = await issueServerCertificate(authority, { host: "rack1", ...validity });
      await using running = await serve(address(), serverTls(old));
      const error = await call({ address: running.address, security: clientTls() });
      expect(error).toMatchObject({ reason: "SERVER_CERTIFICATE_EXPIRED" });
      expect(error?.message).toMatch(message);
    });

    test("server shows a client's certificate", async () => {
      await using running = await serve(address(), serverTls(ann));
      const error = await call({
        address: running.address,
        security: clientTls(ann, authority, "ann"),
      });
      expect(error?.code).toBe("UNAVAILABLE");
      expect(running.peers).toEqual([]);
    });

    test("client's certificate from another authority of the same name", async () => {
      const other = await issueClientCertificate(foreign, { user: "ann", role: "admin" });
      await using running = await serve(address(), serverTls());
      const error = await call({ address: running.address, security: clientTls(other) });
      expect(error).toMatchObject({
        code: "UNAUTHENTICATED",
        reason: "CLIENT_CERTIFICATE_REJECTED",
      });
      expect(error?.message).toContain("CN=ann");
      expect(running.refusals.join()).toContain("not from our authority");
      expect(running.peers).toEqual([]);
    });

    test.each([
      ["expired", past, /has expired/],
      ["not yet valid", future, /not valid yet/],
    ])("client's certificate %s", async (_, validity, refusal) => {
      const old = await issueClientCertificate(authority, {
        user: "ann",
        role: "admin",
        ...validity,
      });
      await using running = await serve(address(), serverTls());
      const error = await call({ address: running.address, security: clientTls(old) });
      expect(error).toMatchObject({
        code: "UNAUTHENTICATED",
        reason: "CLIENT_CERTIFICATE_EXPIRED",
      });
      expect(running.refusals.join()).toMatch(refusal);
      expect(running.peers).toEqual([]);
    });

    test("client shows a server's certificate", async () => {
      await using running = await serve(address(), serverTls());
      const error = await call({ address: running.address, security: clientTls(rack1) });
      expect(error?.reason).toBe("CLIENT_CERTIFICATE_REJECTED");
      expect(running.peers).toEqual([]);
    });

    test("plaintext client, TLS server", async () => {
      await using running = await serve(address(), serverTls());
      const error = await call({ address: running.address, security: "plaintext" });
      expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "NOT_TLS" });
      expect(error?.remedy).toContain("TLS");
      expect(running.refusals.join()).toContain("does not speak TLS");
    });

    test("TLS client, plaintext server", async () => {
      await using running = await serve(address(), "plaintext");
      const error = await call({ address: running.address, security: clientTls() });
      expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "NOT_TLS" });
      expect(running.peers).toEqual([]);
    });

    test("nobody listens", async () => {
      const running = await serve(address(), serverTls());
      await running.server.close(0);
      const error = await call({ address: running.address, security: clientTls() });
      expect(error).toMatchObject({ code: "UNAVAILABLE", reason: "UNREACHABLE", retryable: true });
    });
  },
);

describe("a server that is called by its IP address", () => {
  const without = (ca: KeyPair = authority): ClientTls => ({ ca: ca.certificate, ...ann });
  const own = (addresses: readonly string[]) =>
    issueServerCertificate(authority, { host: "rack1", addresses });
  /** The server name that a client's greeting carries: a host's name, type 0, after the two lengths. */
  const serverNames = async (security: ClientTls): Promise<string[]> => {
    const greeting = Promise.withResolvers<string>();
    const listener = createSocketServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (bytes) => {
        greeting.resolve(bytes.toString("latin1"));
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    const { port } = listener.address() as AddressInfo;
    await call({ address: `127.0.0.1:${port}`, security });
    await new Promise((resolve) => listener.close(resolve));
    const text = await greeting.promise;
    return ["127.0.0.1", "rack1"].filter((name) => text.includes(name));
  };

  test("is not told a name, which Node would warn of, while another is", async () => {
    const warnings: Error[] = [];
    const warn = (warning: Error) => void warnings.push(warning);
    process.on("warning", warn);
    try {
      expect(await serverNames(without())).toEqual([]);
      expect(await serverNames(clientTls(ann, authority, "127.0.0.1"))).toEqual([]);
      expect(await serverNames(clientTls())).toEqual(["rack1"]);
      await new Promise((resolve) => setImmediate(resolve));
    } finally {
      process.off("warning", warn);
    }
    expect(warnings).toEqual([]);
  });

  test("is the one whose certificate has the address, by whatever way it is reached", async () => {
    await using running = await serve("127.0.0.1:0", serverTls(await own(["127.0.0.1"])));
    expect(await call({ address: running.address, security: without() })).toBeUndefined();
    expect(running.peers[0]?.certificate).toMatchObject({ commonName: "ann" });
    await using local = await serve(transports["unix socket"](), serverTls(await own(["::1"])));
    const security = clientTls(ann, authority, "::1");
    expect(await call({ address: local.address, security })).toBeUndefined();
  });

  test("is refused where its certificate has another address, or is not from our authority", async () => {
    const mismatch = { code: "UNAVAILABLE", reason: "SERVER_NAME_MISMATCH" };
    await using other = await serve("127.0.0.1:0", serverTls(await own(["127.0.0.2"])));
    expect(await call({ address: other.address, security: without() })).toMatchObject(mismatch);
    const good = await own(["127.0.0.1"]);
    await using running = await serve("127.0.0.1:0", serverTls(good));
    const elsewhere = clientTls(ann, authority, "127.0.0.2");
    expect(await call({ address: running.address, security: elsewhere })).toMatchObject(mismatch);
    const distrust = without(foreign);
    expect(await call({ address: running.address, security: distrust })).toMatchObject({
      reason: "SERVER_CERTIFICATE_UNTRUSTED",
    });
    expect([...other.peers, ...running.peers]).toEqual([]);
  });
});

test("a server that speaks no TLS at all, or nothing", async () => {
  const path = join(directory, "mute.sock");
  const mute = createSocketServer((socket) => {
    socket.on("error", () => {}).resume();
    socket.end("220 mail.example.net ESMTP\r\n");
  });
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  const error = await call({ address: `unix:${path}`, security: clientTls() });
  expect(error?.reason).toBe("NOT_TLS");
  await new Promise((resolve) => mute.close(resolve));
});

test("random bytes and half-open handshakes leave the server serving", async () => {
  await using running = await serve(`unix:${join(directory, "fuzz.sock")}`, serverTls());
  const path = running.address.slice("unix:".length);
  for (const bytes of ["", "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02\x00", "\x00".repeat(4096)]) {
    await new Promise<void>((resolve) => {
      const socket = connectSocket(path, () => socket.end(bytes));
      socket.on("error", () => {}).on("close", () => resolve());
      socket.resume();
    });
  }
  expect(await call({ address: running.address, security: clientTls() })).toBeUndefined();
});

test("key and certificate that do not belong together are refused before anything listens", async () => {
  const mixed = { certificate: rack1.certificate, key: ann.key };
  await expect(serve("127.0.0.1:0", serverTls(mixed))).rejects.toMatchObject({
    reason: "CREDENTIALS_INVALID",
  });
  expect(() =>
    connect({ address: "127.0.0.1:1", security: { ...clientTls(), ca: "not a certificate" } }),
  ).toThrow(/CA certificate is no PEM/);
});
