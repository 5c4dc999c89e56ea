import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import { findLocalAgent } from "@lodge/schemas/rpc/local-agent.ts";
import { readIdentity, type Identity } from "@lodge/schemas/rpc/tls.ts";
import type { Item } from "@lodge/schemas/kind-client.ts";
import { objectId } from "@lodge/schemas/spec/field.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";
import { Agent } from "./agent.ts";
import {
  noHostChosen,
  noSuchHost,
  notLocal,
  unknownUntilApply,
  type HostSource,
} from "./host-source.ts";
import { isUnknown, type Unknown } from "./sdk/value/unknown.ts";

/** What the provider block and the environment say. */
export interface HostsConfig {
  /** Endpoints by the names of their agents, as far as they are known. Empty: the local agent's socket. */
  readonly hosts: { readonly [name: string]: string | Unknown };
  readonly defaultHost: string | Unknown | undefined;
  readonly identity: () => Promise<Identity>;
}

/** The hosts that the provider speaks to: a connection is made when it is first needed, each fails by itself. */
export class Hosts {
  readonly #config: HostsConfig | undefined;
  readonly #agents = new Map<string, Promise<Agent>>();
  #local: Promise<Agent> | undefined;
  /** Terraform configures a provider for each walk over a configuration: that is a run. */
  readonly #run = randomUUID();

  /** Undefined: what every host needs is not known yet. */
  constructor(config: HostsConfig | undefined) {
    this.#config = config;
  }

  /**
   * Whether enough is known to find the agent of a host, by default of the default host, or to say that there is none;
   * null for no name.
   */
  isKnown(name: unknown): boolean {
    if (!this.#config || isUnknown(name)) return false;
    const { hosts } = this.#config;
    const chosen = name ?? this.#default();
    return !isUnknown(chosen) && !isUnknown(hosts[chosen as string]);
  }

  /** Whether an object of that host needs no word of it: no other host is configured, or it is the default one. */
  isDefault(name: string): boolean {
    const { hosts, defaultHost } = this.#settings();
    return defaultHost === undefined ? Object.keys(hosts).length <= 1 : defaultHost === name;
  }

  /**
   * The agent of the host of that name, by default of the default host. `source` is where the name comes from.
   * Throws INVALID_ARGUMENT where the host is not configured, or where there are several and none is chosen, and
   * CONFIGURATION_UNKNOWN where it is not known yet how to reach it.
   */
  async agent(name: string | null | undefined, source: HostSource = ["host"]): Promise<Agent> {
    const { hosts } = this.#settings();
    const names = Object.keys(hosts);
    if (names.length === 0) return this.#localAgent(name, source);
    const chosen = name ?? this.#default();
    if (chosen === undefined) throw noHostChosen(names, source);
    if (isUnknown(chosen)) throw unknownUntilApply("The provider's default_host");
    if (hosts[chosen] === undefined) {
      const isDefault = source !== "state" && chosen === this.#settings().defaultHost;
      throw noSuchHost(chosen, names, isDefault ? "default_host" : source);
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
    const { defaultHost } = this.#settings();
    if (isUnknown(defaultHost)) throw unknownUntilApply("The provider's default_host");
    return defaultHost ?? null;
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
    const agent = await this.agent(slash < 0 ? undefined : text.slice(0, slash), "import");
    const name = text.slice(slash + 1);
    return agent
      .kind(kind)
      .get({ name }, false, { signal })
      .catch((thrown: unknown) => {
        if (!isNotFound(thrown)) throw thrown;
        const remedy = slash < 0 ? "For one of another host, say HOST/NAME." : undefined;
        throw lodgeError(
          "NOT_FOUND",
          `The host ${agent.name} has no ${title} with the name ${name}.`,
          {
            kind,
            name,
            ...(remedy !== undefined && { remedy }),
          },
        );
      });
  }

  #settings(): HostsConfig {
    if (this.#config) return this.#config;
    throw unknownUntilApply("The provider's configuration");
  }

  /** The host of what names none; undefined where there are several and none is chosen. */
  #default(): string | Unknown | undefined {
    const { hosts, defaultHost } = this.#settings();
    const names = Object.keys(hosts);
    return defaultHost ?? (names.length === 1 ? names[0] : undefined);
  }

  #all(): Promise<Agent>[] {
    const { hosts } = this.#settings();
    const entries = Object.entries(hosts).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return entries.length === 0
      ? [this.#localAgent(undefined, ["host"])]
      : entries.map(([name, endpoint]) => this.#configured(name, endpoint));
  }

  #configured(name: string, endpoint: string | Unknown): Promise<Agent> {
    const known = this.#agents.get(name) ?? this.#connect(name, endpoint);
    this.#agents.set(name, known);
    return known;
  }

  async #connect(name: string, endpoint: string | Unknown): Promise<Agent> {
    if (isUnknown(endpoint)) throw unknownUntilApply(`The endpoint of the host ${name}`);
    const identity = await this.#settings().identity();
    return new Agent({ name, endpoint, tls: identity, run: this.#run });
  }

  async #localAgent(name: string | null | undefined, source: HostSource): Promise<Agent> {
    this.#local ??= connectLocal(this.#run);
    const agent = await this.#local;
    if (name !== null && name !== undefined && name !== agent.name)
      throw notLocal(name, agent.name, source);
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
