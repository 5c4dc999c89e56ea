/** Terraform's side of go-plugin, for tests: starts a provider's executable as Terraform does, and speaks to it. */
import { spawn, type ChildProcess } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { DescService } from "@bufbuild/protobuf";
import { GRPCController, GRPCStdio } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { connect, createClient, type Transport } from "@lodge/schemas/rpc/client.ts";
import { pluginLimits } from "@lodge/schemas/rpc/limits.ts";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import { createCertificate, type Certificate } from "../plugin/certificate.ts";
import { magicCookie } from "../plugin/handshake.ts";

/** How a provider is started. What is not said is as Terraform does it. */
export interface PluginOptions {
  /** The executable and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** False = none: plaintext. Default: a fresh one, P-521 as Terraform's. */
  readonly clientCertificate?: Certificate | false;
  /** What `PLUGIN_PROTOCOL_VERSIONS` lists; undefined = the variable is absent. Default `5,6`. */
  readonly versions?: string | undefined;
  /** Own process group, so that a test may send it a terminal's signals. */
  readonly detached?: boolean;
}

/** The line that a plugin prints, taken apart. */
export interface HandshakeLine {
  readonly text: string;
  readonly fields: readonly string[];
  readonly socket: string;
  /** Absent without TLS. */
  readonly certificate: X509Certificate | undefined;
}

/** How a process has ended. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process, from its start to its end. Disposing of it kills it if it still runs. */
export class PluginProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  readonly clientCertificate: Certificate | undefined;
  #stderr = "";
  #stdout = "";
  #line: Promise<string | undefined>;
  #transports: Transport[] = [];

  constructor(child: ChildProcess, clientCertificate: Certificate | undefined) {
    this.child = child;
    this.clientCertificate = clientCertificate;
    this.exit = once(child, "close").then(([code, signal]) => ({ code, signal }));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    this.#line = new Promise((resolve) => {
      lines.once("line", resolve).once("close", () => resolve(undefined));
    });
  }

  /** Standard error until now. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Standard output until now. */
  get stdout(): string {
    return this.#stdout;
  }

  /** Waits for the line, and checks it as go-plugin does; throws with standard error if the process ends before. */
  async handshake(): Promise<HandshakeLine> {
    const text = await this.#line;
    if (text === undefined) {
      await this.exit;
      throw new Error(`the provider ended before the handshake:\n${this.#stderr}`);
    }
    const fields = text.split("|");
    const [core, , network, socket, kind, certificate = ""] = fields;
    if (core !== "1" || network !== "unix" || kind !== "grpc" || socket === undefined) {
      throw new Error(`unrecognized remote plugin message: ${text}`);
    }
    // As Go's RawStdEncoding: no padding, no other alphabet.
    if (!/^[A-Za-z0-9+/]*$/u.test(certificate)) throw new Error("illegal base64 data");
    return {
      text,
      fields,
      socket,
      certificate:
        certificate === "" ? undefined : new X509Certificate(Buffer.from(certificate, "base64")),
    };
  }

  /** Connects as Terraform does: mutual TLS if there is a client certificate. `as` connects with another one. */
  async connect(as: Certificate | undefined = this.clientCertificate): Promise<Transport> {
    const { socket, certificate } = await this.handshake();
    const transport = connect({
      address: `unix:${socket}`,
      limits: pluginLimits,
      keepaliveMs: Infinity,
      timeoutMs: 60_000,
      security:
        as && certificate
          ? {
              ca: certificate.toString(),
              certificate: as.pem,
              key: as.key,
              serverName: "localhost",
              minVersion: "TLSv1.2",
            }
          : "plaintext",
    });
    this.#transports.push(transport);
    return transport;
  }

  /** @returns a client of the provider itself, on a connection of its own. */
  async provider(): Promise<Client<typeof Provider>> {
    return this.client(Provider);
  }

  /** @returns a client of any of the plugin's services. */
  async client<S extends DescService>(service: S): Promise<Client<S>> {
    return createClient(service, await this.connect());
  }

  /** Opens the stream of output, as go-plugin does at once; resolves when it is open, ends with the transport. */
  async openStdio(transport: Transport): Promise<void> {
    const stream = createClient(GRPCStdio, transport).streamStdio({});
    (async () => {
      for await (const _ of stream) continue;
    })().catch(() => {});
    // The server runs calls in their order, so an answered one means that the stream has arrived.
    await createClient(Provider, transport)
      .getMetadata({})
      .catch(() => {});
  }

  /** Ends the process as Terraform does, and returns how it ended. */
  async shutdown(): Promise<Exit> {
    const transport = this.#transports[0] ?? (await this.connect());
    await createClient(GRPCController, transport).shutdown({});
    transport.close();
    return this.exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transport of this.#transports) transport.close();
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.exit;
  }
}

/** Starts a provider. Resolves at once; see {@link PluginProcess.handshake}. */
export function startPlugin(options: PluginOptions): PluginProcess {
  const certificate =
    options.clientCertificate === false
      ? undefined
      : (options.clientCertificate ?? createCertificate("secp521r1"));
  const versions = "versions" in options ? options.versions : "5,6";
  const [file, ...args] = options.command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: options.detached ?? false,
    env: {
      ...process.env,
      TF_PLUGIN_MAGIC_COOKIE: magicCookie,
      PLUGIN_MIN_PORT: "10000",
      PLUGIN_MAX_PORT: "25000",
      PLUGIN_PROTOCOL_VERSIONS: versions,
      PLUGIN_CLIENT_CERT: certificate?.pem,
      ...options.env,
    },
  });
  return new PluginProcess(child, certificate);
}
