import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import { findLocalAgent } from "@lodge/schemas/rpc/local-agent.ts";
import { readIdentity, type Identity } from "@lodge/schemas/rpc/tls.ts";
import type { Item } from "@lodge/schemas/kind-client.ts";
import { objectId } from "@lodge/schemas/spec/field.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";
import { Agent } from "./agent.ts";
import { AttributeError } from "./sdk/diagnostic.ts";

/** What the provider block and the environment say, once all of it is known. */
export interface HostsConfig {
  /** Endpoints by the names of their agents. Empty: the local agent's socket. */
  readonly hosts: { readonly [name: string]: string };
  readonly defaultHost?: string;
  readonly identity: () => Promise<Identity>;
}

/** The hosts that the provider speaks to: a connection is made when it is first needed, each fails by itself. */
export class Hosts {
  readonly #config: HostsConfig | undefined;
  readonly #agents = new Map<string, Promise<Agent>>();
  #local: Promise<Agent> | undefined;
  /** Terraform configures a provider for each walk over a configuration: that is a run. */
  readonly #run = randomUUID();

  /** Undefined: parts of the configuration are not known yet. */
  constructor(config: HostsConfig | undefined) {
    this.#config = config;
  }

  /** Whether the configuration is known, so that an agent can be asked. */
  get known(): boolean {
    return this.#config !== undefined;
  }

  /** Whether an object of that host needs no word of it: no other host is configured, or it is the default one. */
  isDefault(name: string): boolean {
    const { hosts, defaultHost } = this.#settings();
    return defaultHost === undefined ? Object.keys(hosts).length <= 1 : defaultHost === name;
  }

  /**
   * The agent of the host of that name, by default of the default host.
   * Throws INVALID_ARGUMENT where the host is not configured, or where there are several and none is chosen.
   */
  async agent(name: string | null | undefined): Promise<Agent> {
    const { hosts, defaultHost } = this.#settings();
    const names = Object.keys(hosts);
    if (names.length === 0) return this.#localAgent(name);
    const chosen = name ?? defaultHost ?? (names.length === 1 ? names[0] : undefined);
    if (chosen === undefined) {
      throw new AttributeError(
        ["host"],
        `No host is chosen. Set host, or the provider's default_host, to one of ${names.join(", ")}.`,
      );
    }
    if (hosts[chosen] === undefined) {
      throw new AttributeError(
        ["host"],
        `The provider's hosts has no ${chosen}; it has ${names.join(", ")}.`,
      );
    }
    return this.#configured(chosen, hosts[chosen]);
  }

  /**
   * The host that holds an object by id: all are asked, since ids survive moves. Undefined only if every one said no.
   * Whoever keeps the id claims the object by it.
   */
  async find<K extends KindName>(
    kind: K,
    id: string,
    signal: AbortSignal,
    purpose: "keep" | "look" = "keep",
  ): Promise<Item<K> | undefined> {
    const agents = this.#all();
    const answers = await Promise.allSettled(
      agents.map(async (connecting) => {
        const agent = await connecting;
        if (purpose === "keep") return agent.read(kind, id, signal);
        return (await agent.list(kind, signal)).find((item) => item.id === id);
      }),
    );
    const found = answers.find(
      (answer) => answer.status === "fulfilled" && answer.value !== undefined,
    );
    if (found?.status === "fulfilled") return found.value;
    const failed = answers.find((answer) => answer.status === "rejected");
    if (failed) throw failed.reason;
    return undefined;
  }

  /** The agent of a host by its name; without one those of all hosts, in the order of their names. */
  agents(name: string | null): Promise<readonly Agent[]> {
    return Promise.all(name === null ? this.#all() : [this.agent(name)]);
  }

  /** Where a name is looked up that comes without a host: on the default host, and where there is none, on all. */
  get defaultHost(): string | null {
    return this.#settings().defaultHost ?? null;
  }

  /**
   * An object by `id`, by `name` where there is one host or a default one, or by `host/name`. A name may look much like
   * an id: only a whole UUID is one. Throws NOT_FOUND, and INVALID_ARGUMENT as {@link agent} does.
   */
  async resolve<K extends KindName>(kind: K, text: string, signal: AbortSignal): Promise<Item<K>> {
    const { title } = kinds[kind];
    if (objectId.safeParse(text).success) {
      const item = await this.find(kind, text, signal);
      if (item) return item;
      throw lodgeError("NOT_FOUND", `No host has a ${title} with the id ${text}.`, {
        kind,
        id: text,
      });
    }
    const slash = text.indexOf("/");
    const agent = await this.agent(slash < 0 ? undefined : text.slice(0, slash));
    return agent.kind(kind).get({ name: text.slice(slash + 1) }, false, { signal });
  }

  #settings(): HostsConfig {
    if (this.#config) return this.#config;
    throw lodgeError(
      "CONFIGURATION_UNKNOWN",
      "The provider's configuration is only known after apply.",
      {
        remedy:
          "Give the provider values that are known at plan, or apply what they come from first with -target.",
      },
    );
  }

  #all(): Promise<Agent>[] {
    const { hosts } = this.#settings();
    const entries = Object.entries(hosts).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return entries.length === 0
      ? [this.#localAgent(undefined)]
      : entries.map(([name, endpoint]) => this.#configured(name, endpoint));
  }

  #configured(name: string, endpoint: string): Promise<Agent> {
    const known = this.#agents.get(name) ?? this.#connect(name, endpoint);
    this.#agents.set(name, known);
    return known;
  }

  async #connect(name: string, endpoint: string): Promise<Agent> {
    const identity = await this.#settings().identity();
    return new Agent({ name, endpoint, tls: identity, run: this.#run });
  }

  async #localAgent(name: string | null | undefined): Promise<Agent> {
    this.#local ??= connectLocal(this.#run);
    const agent = await this.#local;
    if (name !== null && name !== undefined && name !== agent.name) {
      throw new AttributeError(
        ["host"],
        `The provider has no hosts, so only the local agent ${agent.name} can be asked, not ${name}.`,
      );
    }
    return agent;
  }
}

async function connectLocal(run: string): Promise<Agent> {
  const local = await findLocalAgent(process.env);
  const tls = await readIdentity({
    ca: local.caCertificate,
    certificate: local.clientCertificate,
    key: local.clientKey,
  });
  return new Agent({ name: local.name, endpoint: `unix:${local.socket}`, tls, run });
}

/** Whether an agent said for certain that an object does not exist. */
export function isNotFound(thrown: unknown): boolean {
  return thrown instanceof LodgeError && thrown.code === "NOT_FOUND";
}
