/**
 * The real API and core of an agent, on a host made of fakes, behind mutual TLS on a unix socket: for tests of its
 * clients, who see no difference, while the test sees everything and can stand between any call and its answer.
 */
import type { Socket } from "node:net";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createApi } from "@lodge/agent/api/api.ts";
import { World, type WorldOptions } from "@lodge/agent/core/testing/world.ts";
import { createLog } from "@lodge/agent/lib/log.ts";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  type KeyPair,
  type Role,
} from "@lodge/agent/lib/pki.ts";
import { agentFiles, type AgentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { listen } from "@lodge/schemas/rpc/listener.ts";
import { createServer, type Server } from "@lodge/schemas/rpc/server.ts";
import type { CallContext, ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import type { Identity } from "@lodge/schemas/rpc/tls.ts";

type Handler = (request: never, context: CallContext) => unknown;

/** Stands in for a method: gets the request and the method's own handler, and gives the answer, a promise or a stream. */
// eslint-disable-next-line typescript/no-explicit-any
export type Stand = (request: any, context: CallContext, handler: Handler) => unknown;

export interface CoreAgentOptions extends WorldOptions {
  /** Methods that the agent does not have, as `VmService/Validate`. */
  readonly without?: readonly string[];
}

/** Says what nobody has expected. */
const log = createLog({ level: "error" });

/** One authority for all agents and clients of a test file. */
export const authority = createAuthority("authority of tests");
const admin = clientIdentity();
const servers = new Map<string, Promise<KeyPair>>();

async function serverPair(host: string): Promise<KeyPair> {
  const pair = servers.get(host) ?? issueServerCertificate(await authority, { host });
  servers.set(host, pair);
  return pair;
}

/** What a client of these agents shows of itself. */
export async function clientIdentity(
  role: Role = "admin",
  user = "ann",
  issuer = authority,
): Promise<Identity> {
  const [ca, issued] = [
    await authority,
    await issueClientCertificate(await issuer, { user, role }),
  ];
  return { ca: ca.certificate, ...issued };
}

/** An agent that serves. Disposing of it removes its directory; nothing else was ever made. */
export class CoreAgent implements AsyncDisposable {
  readonly world: World;
  readonly files: AgentDirectory;
  /** How often each method was called, as `VmService/List`. */
  readonly calls = new Map<string, number>();
  /** By method, as `VmService/Put`; may be changed at any time. */
  readonly stands = new Map<string, Stand>();
  readonly #without: ReadonlySet<string>;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  private constructor(files: AgentDirectory, { without = [], ...options }: CoreAgentOptions) {
    this.files = files;
    this.#without = new Set(without);
    this.world = new World({ ...options, name: files.name });
  }

  /** A host with an agent, and a directory of its own in which clients find both. */
  static async start(options: CoreAgentOptions = {}): Promise<CoreAgent> {
    const files = agentFiles(await mkdtemp("/tmp/lodge-"), options.name ?? "rack1");
    const agent = new CoreAgent(files, options);
    const { ca, certificate, key } = await admin;
    await writeFile(`${files.directory}/agent.json`, JSON.stringify({ name: files.name }));
    await writeFile(files.caCertificate, ca);
    await writeFile(files.clientCertificate, certificate);
    await writeFile(files.clientKey, key);
    await agent.world.begin();
    await agent.serve();
    return agent;
  }

  get name(): string {
    return this.files.name;
  }

  get endpoint(): string {
    return `unix:${this.files.socket}`;
  }

  /** Begins to listen, for the core that lives. */
  async serve(): Promise<void> {
    const { services, interceptors, ...api } = createApi({ core: this.world.core, log });
    const server = createServer({
      ...api,
      services: services.map((service) => this.#between(service)),
      interceptors: [
        ({ method: { name, parent } }, next) => {
          const method = `${parent.name}/${name}`;
          this.calls.set(method, (this.calls.get(method) ?? 0) + 1);
          return next();
        },
        ...interceptors,
      ],
    });
    const [{ certificate: ca }, pair] = [await authority, await serverPair(this.name)];
    const listener = await listen({ path: this.files.socket });
    const serve = listener.serve.bind(listener);
    listener.serve = (take) =>
      serve((socket) => {
        this.#sockets.add(socket);
        socket.on("close", () => this.#sockets.delete(socket));
        take(socket);
      });
    server.serve(listener, { ca, ...pair });
    this.#server = server;
  }

  /** Nobody can be reached any more. The core lives on. */
  async hide(): Promise<void> {
    await this.#server?.close(0);
    this.#server = undefined;
  }

  /** The agent ends and begins anew on the same host. */
  async restart(): Promise<void> {
    await this.hide();
    this.world.end();
    await this.world.begin();
    await this.serve();
  }

  /** Every connection breaks, whatever is under way on it. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Counts from zero again, and answers what was counted so far. */
  counted(): Readonly<Record<string, number>> {
    const calls = Object.fromEntries(this.calls);
    this.calls.clear();
    return calls;
  }

  /** Waits for something while the world's time goes on. */
  async during<T>(task: Promise<T>): Promise<T> {
    const ended = task.then(
      () => true,
      () => true,
    );
    const moment = () => new Promise<false>((resolve) => setTimeout(() => resolve(false), 10));
    while (!(await Promise.race([ended, moment()]))) await this.world.pass(1000);
    return task;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hide();
    await this.world.core.close();
    await rm(this.files.directory, { recursive: true });
  }

  #between({ service, implementation }: ServiceBinding): ServiceBinding {
    const methods = service.methods.filter(
      ({ name }) => !this.#without.has(`${service.name}/${name}`),
    );
    const handlers = methods.map(({ name, localName }) => {
      const handler = implementation[localName] as Handler;
      const between: Handler = (request, context) => {
        const stand = this.stands.get(`${service.name}/${name}`);
        return stand ? stand(request, context, handler) : handler(request, context);
      };
      return [localName, between];
    });
    return { service, implementation: Object.fromEntries(handlers) };
  }
}
