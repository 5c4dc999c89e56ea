import { Afterwards } from "./afterwards.ts";
import type { Action } from "../action.ts";
import type { DataSource } from "../data-source.ts";
import type { EphemeralResource } from "../ephemeral.ts";
import type { ProviderFunction } from "../function.ts";
import { Interrupted } from "../interrupted.ts";
import type { ListResource } from "../list-resource.ts";
import type { Provider, ProviderDefinition } from "../provider.ts";
import type { Resource } from "../resource.ts";

/** Told of every failure of a handler, for the log: the user gets a diagnostic without a stack. */
export type OnError = (
  error: unknown,
  call: { readonly verb: string; readonly type: string },
) => void;

interface Loaded {
  readonly provider: Provider;
  readonly resources: ReadonlyMap<string, Resource<unknown>>;
  readonly dataSources: ReadonlyMap<string, DataSource<unknown>>;
  readonly ephemeralResources: ReadonlyMap<string, EphemeralResource<unknown>>;
  readonly listResources: ReadonlyMap<string, ListResource<unknown>>;
  readonly actions: ReadonlyMap<string, Action<unknown>>;
  readonly functions: ReadonlyMap<string, ProviderFunction>;
}

/** What one provider process remembers between calls. */
export class Session {
  readonly definition: ProviderDefinition;
  readonly onError: OnError;
  readonly afterwards = new Afterwards();
  #loading: Promise<Loaded> | undefined;
  #client: { readonly value: unknown } | undefined;
  #stop = new AbortController();

  constructor(definition: ProviderDefinition, onError: OnError) {
    this.definition = definition;
    this.onError = onError;
  }

  /** The provider with everything in it, loaded at the first call. */
  load(): Promise<Loaded> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  async #load(): Promise<Loaded> {
    const provider = await this.definition.load();
    const { resources, dataSources, ephemeralResources = [], functions = [] } = provider;
    const { listResources = [], actions = [] } = provider;
    const byType = <T extends { readonly type: string }>(list: readonly T[]): Map<string, T> =>
      new Map(list.map((item) => [item.type, item]));
    return {
      provider,
      resources: byType(resources),
      dataSources: byType(dataSources),
      ephemeralResources: byType(ephemeralResources),
      listResources: byType(listResources),
      actions: byType(actions),
      functions: new Map(functions.map((item) => [item.name, item])),
    };
  }

  async resource(type: string): Promise<Resource<unknown>> {
    return found((await this.load()).resources.get(type), "resource type", type);
  }

  async dataSource(type: string): Promise<DataSource<unknown>> {
    return found((await this.load()).dataSources.get(type), "data source", type);
  }

  async ephemeralResource(type: string): Promise<EphemeralResource<unknown>> {
    return found((await this.load()).ephemeralResources.get(type), "ephemeral resource type", type);
  }

  async listResource(type: string): Promise<ListResource<unknown>> {
    return found((await this.load()).listResources.get(type), "list resource type", type);
  }

  async action(type: string): Promise<Action<unknown>> {
    return found((await this.load()).actions.get(type), "action type", type);
  }

  async function(name: string): Promise<ProviderFunction> {
    return found((await this.load()).functions.get(name), "function", name);
  }

  /** The client that `configure` made. @throws when the provider is not configured. */
  get client(): unknown {
    if (this.#client === undefined) throw new Error("The provider has not been configured.");
    return this.#client.value;
  }

  /** Whether there is a {@link client}: a state can be shown without one. */
  get isConfigured(): boolean {
    return this.#client !== undefined;
  }

  /** A new configuration, which also ends an earlier stop: the process may outlive a command. */
  configure(client: unknown): void {
    this.#client = { value: client };
    if (this.#stop.signal.aborted) this.#stop = new AbortController();
  }

  /** Aborts everything that is under way. */
  stop(): void {
    this.#stop.abort(new Interrupted());
  }

  /** Aborted by a stop, or when the caller of one call has gone. */
  signal(call: AbortSignal): AbortSignal {
    return AbortSignal.any([call, this.#stop.signal]);
  }
}

function found<T>(item: T | undefined, what: string, name: string): T {
  if (item === undefined) throw new Error(`The provider has no ${what} ${JSON.stringify(name)}.`);
  return item;
}
