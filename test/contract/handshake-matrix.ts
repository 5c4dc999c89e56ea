/** A provider's process as go-plugin starts, addresses and ends it: the same for every form of executable. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCertificate } from "@lodge/provider/sdk/plugin/certificate.ts";
import { sweepSockets } from "@lodge/provider/sdk/plugin/socket.ts";
import { startPlugin, type PluginOptions } from "@lodge/provider/sdk/testing/plugin-client.ts";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "@lodge/schemas/gen/grpc/health/v1/health_pb.ts";
import { GRPCBroker } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { connect, createClient } from "@lodge/schemas/rpc/client.ts";
import { pluginLimits } from "@lodge/schemas/rpc/limits.ts";
import { handshakeEnds } from "./handshake-end.ts";

/** Declares the tests for the smallest provider, as `build` makes it below a directory; it answers the executable's path. */
export function handshakeMatrix(build: (directory: string) => Promise<string>): void {
  let executable: string;
  let directory: string;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "lodge-handshake-"));
    executable = await build(directory);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  /** Starts the fixture with its socket in a directory that the test can look into. */
  function start(behaviour = "", options: Partial<PluginOptions> = {}) {
    return startPlugin({
      command: behaviour === "" ? [executable] : [executable, behaviour],
      ...options,
      env: { PLUGIN_UNIX_SOCKET_DIR: directory, ...options.env },
    });
  }

  describe("not started by Terraform", () => {
    test.each([
      ["no cookie", undefined],
      ["an empty cookie", ""],
      ["a wrong cookie", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b3"],
    ])("%s", async (_, cookie) => {
      await using plugin = start("", { env: { TF_PLUGIN_MAGIC_COOKIE: cookie } });
      expect(await plugin.exit).toEqual({ code: 1, signal: null });
      expect(plugin.stdout).toBe("");
      expect(plugin.stderr).toContain("This binary is a plugin");
    });
  });

  describe("the line", () => {
    test.each([
      ["5,6"],
      ["6,5"],
      ["6"],
      // What the client cannot speak, it says itself, and better.
      ["5"],
      [undefined],
    ])("says protocol 6 to a client that lists %s", async (versions) => {
      await using plugin = start("", { versions });
      const { fields, socket } = await plugin.handshake();
      expect(fields.slice(0, 5)).toEqual(["1", "6", "unix", socket, "grpc"]);
      expect(fields).toHaveLength(6);
    });

    test("carries the certificate without padding, and nothing before or after it", async () => {
      await using plugin = start();
      const { text, certificate } = await plugin.handshake();
      expect(certificate?.subjectAltName).toBe("DNS:localhost");
      expect(text).not.toMatch(/[=\r]/);
      expect(await plugin.shutdown()).toEqual({ code: 0, signal: null });
      expect(plugin.stdout).toBe(`${text}\n`);
    });

    test("has no certificate when the client has none, and speaks plaintext", async () => {
      await using plugin = start("", { clientCertificate: false });
      const { fields } = await plugin.handshake();
      expect(fields[5]).toBe("");
      const provider = await plugin.provider();
      await expect(provider.getProviderSchema({})).resolves.toBeDefined();
    });

    test("says that one connection is not shared, if asked", async () => {
      await using plugin = start("", { env: { PLUGIN_MULTIPLEX_GRPC: "true" } });
      expect((await plugin.handshake()).fields[6]).toBe("false");
    });

    test("is not printed for a client certificate that does not parse", async () => {
      await using plugin = start("", {
        env: { PLUGIN_CLIENT_CERT: "-----BEGIN CERTIFICATE-----\nAA\n" },
      });
      await expect(plugin.handshake()).rejects.toThrow(/PLUGIN_CLIENT_CERT/);
      expect(await plugin.exit).toEqual({ code: 1, signal: null });
    });

    test("is the first on standard output, whatever prints before it", async () => {
      await using plugin = start("noise");
      await plugin.handshake();
      await (await plugin.provider()).getProviderSchema({});
      await plugin.shutdown();
      expect(plugin.stdout.split("\n")).toHaveLength(2);
      expect(plugin.stderr).toContain("console.log before the handshake");
      expect(plugin.stderr).toContain("process.stdout before the handshake");
      expect(plugin.stderr).toContain("console.log in load");
    });

    test("comes whatever NODE_OPTIONS says, and no debugger is opened", async () => {
      await using plugin = start("", {
        env: { NODE_OPTIONS: "--require /nonexistent.js --inspect=0 --no-such-flag" },
      });
      const answer = await (await plugin.provider()).stopProvider({});
      expect(JSON.parse(answer.Error)).toMatchObject({ execArgv: [] });
      expect(plugin.stderr).toBe("");
    });
  });

  describe("the socket", () => {
    test("lies where Terraform wants it, for this user alone, and is removed", async () => {
      await using plugin = start();
      const { socket } = await plugin.handshake();
      expect(socket.startsWith(`${directory}/terraform-plugin-`)).toBe(true);
      expect(statSync(socket).mode & 0o777).toBe(0o600);
      await plugin.shutdown();
      expect(existsSync(socket)).toBe(false);
    });

    test("lies in the system's directory for temporary files by default", async () => {
      const temporary = mkdtempSync(join(directory, "t-"));
      await using plugin = start("", {
        env: { PLUGIN_UNIX_SOCKET_DIR: undefined, TMPDIR: temporary },
      });
      expect((await plugin.handshake()).socket.startsWith(`${temporary}/`)).toBe(true);
    });

    test("is for a group, if one is named", async () => {
      const gid = process.getgid?.() ?? 0;
      await using plugin = start("", { env: { PLUGIN_UNIX_SOCKET_GROUP: `${gid}` } });
      const { socket } = await plugin.handshake();
      expect(statSync(socket)).toMatchObject({ gid });
      expect(statSync(socket).mode & 0o777).toBe(0o660);
    });

    test("that cannot be made is an error with its path", async () => {
      await using plugin = start("", { env: { PLUGIN_UNIX_SOCKET_DIR: "/nonexistent" } });
      await expect(plugin.handshake()).rejects.toThrow(/cannot listen on \/nonexistent\//);
    });

    test("of a killed process is swept later; living and young ones, and other files, are not", async () => {
      const swept = mkdtempSync(join(directory, "s-"));
      const env = { PLUGIN_UNIX_SOCKET_DIR: swept };
      const old = new Date(Date.now() - 3_600_000);
      const dead = start("", { env });
      const deadSocket = (await dead.handshake()).socket;
      dead.child.kill("SIGKILL");
      await dead.exit;
      await using living = start("", { env });
      const livingSocket = (await living.handshake()).socket;
      for (const path of [deadSocket, livingSocket]) utimesSync(path, old, old);
      const young = start("", { env });
      const youngSocket = (await young.handshake()).socket;
      young.child.kill("SIGKILL");
      await young.exit;
      mkdirSync(join(swept, "terraform-plugin-directory.sock"));
      await sweepSockets(swept);
      expect(existsSync(deadSocket)).toBe(false);
      expect(existsSync(livingSocket)).toBe(true);
      expect(existsSync(youngSocket)).toBe(true);
      expect(readdirSync(swept)).toContain("terraform-plugin-directory.sock");
      await expect((await living.provider()).getProviderSchema({})).resolves.toBeDefined();
    });

    test("is not swept by name alone: somebody else may listen", async () => {
      const swept = mkdtempSync(join(directory, "s-"));
      const path = join(swept, "terraform-plugin-0.sock");
      const other = createServer(() => {}).listen(path);
      await new Promise((resolve) => other.once("listening", resolve));
      await sweepSockets(swept, Date.now() + 3_600_000);
      expect(existsSync(path)).toBe(true);
      await new Promise((resolve) => other.close(resolve));
    });
  });

  describe("mutual TLS", () => {
    test("a foreign client of the same name is refused, and the right one still served", async () => {
      await using plugin = start("", { env: { TF_LOG: "WARN" } });
      const foreign = createCertificate("secp521r1");
      const refused = createClient(Provider, await plugin.connect(foreign));
      await expect(refused.getProviderSchema({})).rejects.toMatchObject({
        reason: "CLIENT_CERTIFICATE_REJECTED",
      });
      await expect((await plugin.provider()).getProviderSchema({})).resolves.toBeDefined();
      expect(plugin.stderr).toContain("A client was refused");
    });

    test("a client without TLS is refused", async () => {
      await using plugin = start();
      const { socket } = await plugin.handshake();
      using transport = connect({ address: `unix:${socket}`, security: "plaintext" });
      await expect(createClient(Provider, transport).getProviderSchema({})).rejects.toMatchObject({
        reason: "NOT_TLS",
      });
    });

    test("a server that is not the one of the line is refused by the client", async () => {
      await using one = start();
      await using other = start();
      const line = await one.handshake();
      const client = one.clientCertificate;
      using transport = connect({
        address: `unix:${(await other.handshake()).socket}`,
        security: {
          ca: line.certificate?.toString() ?? "",
          certificate: client?.pem ?? "",
          key: client?.key ?? "",
          serverName: "localhost",
        },
      });
      await expect(createClient(Provider, transport).getProviderSchema({})).rejects.toMatchObject({
        reason: "SERVER_CERTIFICATE_UNTRUSTED",
      });
    });

    test("the certificate is another one in every process", async () => {
      await using one = start();
      await using other = start();
      const [a, b] = [await one.handshake(), await other.handshake()];
      expect(a.certificate?.fingerprint256).not.toBe(b.certificate?.fingerprint256);
      expect(a.certificate?.serialNumber).not.toBe(b.certificate?.serialNumber);
    });
  });

  describe("go-plugin's services", () => {
    test("health, for people", async () => {
      await using plugin = start();
      const health = await plugin.client(Health);
      expect((await health.check({ service: "plugin" })).status).toBe(Status.SERVING);
      expect((await health.check({})).status).toBe(Status.SERVING);
      await expect(health.check({ service: "nothing" })).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
      for await (const { status } of health.watch({ service: "plugin" })) {
        expect(status).toBe(Status.SERVING);
        break;
      }
    });

    test("the broker listens and says nothing", async () => {
      await using plugin = start();
      const broker = await plugin.client(GRPCBroker);
      async function* connections() {
        yield { serviceId: 1, network: "unix", address: "/nonexistent" };
      }
      expect(await Array.fromAsync(broker.startStream(connections()))).toEqual([]);
    });

    test("a call that the provider does not have is UNIMPLEMENTED", async () => {
      await using plugin = start();
      const provider = await plugin.provider();
      await expect(provider.getFunctions({})).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
      await expect(Array.fromAsync(provider.listResource({}))).rejects.toMatchObject({
        code: "UNIMPLEMENTED",
      });
    });

    test("a value of 40 MB passes both ways", async () => {
      await using plugin = start();
      const provider = await plugin.provider();
      const msgpack = new Uint8Array(40_000_000).fill(7);
      const answer = await provider.readResource({ currentState: { msgpack } });
      expect(Buffer.compare(answer.newState?.msgpack ?? new Uint8Array(), msgpack)).toBe(0);
    });

    test("a process that waits is small: there may be one for every alias", async () => {
      await using plugin = start();
      await (await plugin.provider()).getProviderSchema({});
      const status = readFileSync(`/proc/${plugin.child.pid}/status`, "utf8");
      const kilobytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
      expect(kilobytes).toBeGreaterThan(10_000);
      expect(kilobytes).toBeLessThan(120_000);
    });

    test("a message over the limit is refused with the limit", async () => {
      await using plugin = start();
      const { socket, certificate } = await plugin.handshake();
      using transport = connect({
        address: `unix:${socket}`,
        limits: { ...pluginLimits, maxSendBytes: 2 ** 30 },
        security: {
          ca: certificate?.toString() ?? "",
          certificate: plugin.clientCertificate?.pem ?? "",
          key: plugin.clientCertificate?.key ?? "",
          serverName: "localhost",
        },
      });
      const msgpack = new Uint8Array(257 * 1024 * 1024);
      const error: unknown = await createClient(Provider, transport)
        .readResource({ currentState: { msgpack } })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "MESSAGE_TOO_LARGE" });
      expect((error as Error).message).toContain("256 MiB");
      await expect((await plugin.provider()).getProviderSchema({})).resolves.toBeDefined();
    });
  });
  handshakeEnds(start);
}
