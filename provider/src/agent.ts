import { HostService, type Host } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { createKindClient, type Item, type KindClient } from "@lodge/schemas/kind-client.ts";
import { connect, createClient, type Transport } from "@lodge/schemas/rpc/client.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { OutgoingCall } from "@lodge/schemas/rpc/interceptor.ts";
import { runHeader } from "@lodge/schemas/run.ts";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import type { ClientTls } from "@lodge/schemas/rpc/tls.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { oldestApiVersion, version } from "@lodge/schemas/version.ts";
import { Patience } from "./patience.ts";
import { Reads, type Ask } from "./reads.ts";

/** How long an agent may take to say its version, in milliseconds. */
const PATIENCE = 2000;

/** What is not asked of an agent before it is known. */
const changing: ReadonlySet<string> = new Set(["Put", "Delete", "Upload", "Restart"]);

/** How to reach one agent. */
export interface AgentTarget {
  /** The agent's name, which is also the name in its certificate. */
  readonly name: string;
  /** `HOST:PORT` or `unix:/PATH`. */
  readonly endpoint: string;
  readonly tls: ClientTls;
  /** Which run of the provider calls; see `runHeader`. */
  readonly run: string;
}

/** The agent of one host: connected on first use. */
export class Agent {
  readonly name: string;
  readonly vms: Client<typeof VmService>;
  readonly images: Client<typeof ImageService>;
  readonly #hosts: Client<typeof HostService>;
  readonly #transport: Transport;
  readonly #patience: Patience;
  readonly #run: string;
  readonly #made = new Set<string>();
  #hello: Promise<void> | undefined;
  readonly #kinds = new Map<KindName, KindClient<KindName>>();
  readonly #reads = new Map<KindName, Reads<KindName>>();

  constructor({ name, endpoint, tls, run }: AgentTarget) {
    this.name = name;
    this.#run = run;
    this.#transport = connect({
      address: endpoint,
      security: { serverName: name, ...tls },
      interceptors: [(call, next) => this.#acquainted(call, next)],
    });
    this.#patience = new Patience(name, this.#transport);
    this.vms = createClient(VmService, this.#transport);
    this.images = createClient(ImageService, this.#transport);
    this.#hosts = createClient(HostService, this.#transport);
  }

  /** The operations of a kind. */
  kind<K extends KindName>(kind: K): KindClient<K> {
    const known = this.#kinds.get(kind) ?? createKindClient(kind, this.#transport);
    this.#kinds.set(kind, known);
    return known;
  }

  /** One object by id, undefined where the agent says for certain that there is none. Shared: see {@link Reads}. */
  read<K extends KindName>(kind: K, id: string, signal: AbortSignal): Promise<Item<K> | undefined> {
    return this.#readsOf(kind).get(id, signal);
  }

  /** All objects of a kind, in no certain order. Shared with the reads, and none of them is claimed. */
  list<K extends KindName>(kind: K, signal: AbortSignal): Promise<readonly Item<K>[]> {
    return this.#readsOf(kind).all(signal);
  }

  /** Whether no other resource was told this id as that of its new object: none may stand in a state twice. */
  noteMade(id: string): boolean {
    const isNew = !this.#made.has(id);
    this.#made.add(id);
    return isNew;
  }

  /** Whether a resource of this run was told this id as that of its new object. */
  hasMade(id: string): boolean {
    return this.#made.has(id);
  }

  /** Tells the agent that the id of an object that was made is kept; see {@link Reads.claim}. */
  claim(kind: KindName, id: string): Promise<void> {
    return this.#readsOf(kind).claim(id);
  }

  /** Makes the next reads ask the agent again; to be called after every write, which may change objects of other kinds. */
  forget(): void {
    for (const reads of this.#reads.values()) reads.forget();
  }

  /** The host, its capabilities and the agent's version. */
  host(signal: AbortSignal): Promise<Host> {
    return this.#hosts.get({ clientVersion: version }, { signal });
  }

  /**
   * Both say their versions once, beside the first call, and before anything is changed. What cannot be said, since
   * nobody answers, that call finds out for itself.
   */
  async #acquainted({ method, headers }: OutgoingCall, next: () => Promise<void>): Promise<void> {
    headers.set(runHeader, this.#run);
    if (method.parent === HostService) return next();
    const hello = (this.#hello ??= this.#greet());
    hello.catch(() => undefined);
    if (changing.has(method.name)) await hello;
    await next();
    // An opinion is not worth a wait, and what is streamed is looked at as it comes.
    if (method.methodKind === "unary" && method.name !== "Validate") await hello;
  }

  async #greet(): Promise<void> {
    const told = await this.#hosts
      .get({ clientVersion: version }, { timeoutMs: PATIENCE })
      .catch(() => undefined);
    if (!told) this.#hello = undefined;
    else if (told.name !== this.name) {
      // Its objects would be in the state under a name that the provider does not know.
      throw lodgeError(
        "SERVER_NAME_MISMATCH",
        `The agent that the provider's hosts calls ${this.name} has the name ${told.name}.`,
        { remedy: `Call it ${told.name} in hosts.` },
      );
    } else if (told.apiVersion < oldestApiVersion) {
      throw lodgeError(
        "AGENT_TOO_OLD",
        `The agent of ${this.name} has version ${told.version} (interface ${told.apiVersion}), and this provider, version ${version}, needs interface ${oldestApiVersion}.`,
        { remedy: "Upgrade the agent, or use an older provider." },
      );
    }
  }

  #readsOf<K extends KindName>(kind: K): Reads<K> {
    const ask: Ask = (question, signal) => this.#patience.ask(question, signal);
    const known = this.#reads.get(kind) ?? new Reads<KindName>(this.kind(kind), ask);
    this.#reads.set(kind, known);
    return known;
  }
}
