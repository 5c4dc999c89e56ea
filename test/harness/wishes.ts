/** What is wanted of an agent, asked for as Terraform asks: again from the beginning where an answer was lost. */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { toMessage } from "@lodge/schemas/convert.ts";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { createKindClient, type Item, type KindClient } from "@lodge/schemas/kind-client.ts";
import { createClient, type Transport } from "@lodge/schemas/rpc/client.ts";
import type { CallOptions } from "@lodge/schemas/rpc/service.ts";
import { kinds, type KindName, type SpecInputOf, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import type { TestAgent } from "./agent.ts";

/** Objects by kind and by a key of the test's own, which stays where a name changes. */
export type Wish = {
  readonly [K in KindName]?: { readonly [key: string]: SpecInputOf<K> };
};

/** Kinds in the order in which one needs another. */
export const kindOrder = ["network", "address_pool", "image", "disk", "vm"] as const;

/** A client of one agent that remembers the ids of what it made. An image without a `host_path` is uploaded. */
export class Wishes {
  readonly #agent: TestAgent;
  readonly #ids = new Map<string, string>();
  #transport: Promise<Transport> | undefined;

  constructor(agent: TestAgent) {
    this.#agent = agent;
  }

  /** The id that an object has, or is to get. */
  id(kind: KindName, key: string): string {
    const place = `${kind}/${key}`;
    const id = this.#ids.get(place) ?? randomUUID();
    this.#ids.set(place, id);
    return id;
  }

  /** The operations of a kind, over a connection that is kept until `reconnect`. */
  async client<K extends KindName>(kind: K): Promise<KindClient<K>> {
    return createKindClient(kind, await this.#connect());
  }

  /** Connects anew: a connection to an agent that died waits before it tries again. */
  reconnect(): void {
    this.#transport = undefined;
  }

  /** Makes, edits and deletes until the agent has taken the whole wish; what is left out is to be gone. Throws what the agent throws. */
  async apply(wish: Wish): Promise<void> {
    for (const kind of kindOrder.toReversed()) await this.#remove(kind, wish);
    for (const kind of kindOrder) await this.#put(kind, wish);
  }

  /** Applies, and waits until it is true. */
  async reach(wish: Wish): Promise<void> {
    await this.apply(wish);
    await this.settled(wish);
  }

  /** Waits until every object of the wish is as wished for. */
  async settled(wish: Wish): Promise<void> {
    while ((await this.unsettled(wish)).length > 0) await sleep(50);
  }

  /** What of the wish is not true yet, in words. */
  async unsettled(wish: Wish): Promise<string[]> {
    const found: string[] = [];
    for (const kind of kindOrder) found.push(...(await this.#unsettled(kind, wish)));
    return found;
  }

  /** An object as the agent tells it. */
  async get<K extends KindName>(kind: K, key: string): Promise<Item<K>> {
    return (await this.client(kind)).get({ id: this.id(kind, key) }, false);
  }

  /** Sends an image, in messages of a quarter of a mebibyte. */
  async upload(
    id: string,
    spec: SpecOf<"image">,
    bytes: Uint8Array,
    options?: CallOptions,
  ): Promise<void> {
    const put = { id, spec: toMessage(kinds.image.specMessage, spec) };
    async function* parts() {
      const value = { put, sizeBytes: BigInt(bytes.length) };
      yield { part: { case: "start" as const, value } };
      for (let from = 0; from < bytes.length; from += 2 ** 18) {
        yield { part: { case: "data" as const, value: bytes.subarray(from, from + 2 ** 18) } };
      }
    }
    const client = createClient(ImageService, await this.#connect());
    await client.upload(parts() as never, options);
  }

  #connect(): Promise<Transport> {
    return (this.#transport ??= this.#agent.transport());
  }

  async #remove(kind: KindName, wish: Wish): Promise<void> {
    const client = await this.client(kind);
    const leaving = this.#known(kind).filter((key) => !(key in (wish[kind] ?? {})));
    for (const key of leaving) {
      const id = this.id(kind, key);
      await unlessGone(client.delete(id));
      while (await unlessGone(client.get({ id }, false))) await sleep(20);
      this.#ids.delete(`${kind}/${key}`);
    }
  }

  async #put<K extends KindName>(kind: K, wish: Wish): Promise<void> {
    const client = await this.client(kind);
    const wanted: { readonly [key: string]: SpecInputOf<K> } = wish[kind] ?? {};
    for (const [key, input] of Object.entries(wanted)) {
      const id = this.id(kind, key);
      const spec = kinds[kind].spec.parse(input) as SpecOf<K>;
      const current = await unlessGone(client.get({ id }, false));
      if (current && isSame(current.spec, spec)) continue;
      if (kind === "image" && !current && !("host_path" in (input as object))) {
        await this.upload(id, spec, Buffer.alloc(2 ** 20, key));
      } else {
        await client.put({ id, spec, ...(current && { expectedRevision: current.specRevision }) });
      }
    }
  }

  async #unsettled(kind: KindName, wish: Wish): Promise<string[]> {
    const items: readonly Item<KindName>[] = await (await this.client(kind)).list([]);
    const wanted = Object.entries(wish[kind] ?? {}).map(([key, input]) => ({
      id: this.id(kind, key),
      spec: kinds[kind].spec.parse(input),
    }));
    const others = items.filter(
      ({ id, status }) =>
        !wanted.some((object) => object.id === id) &&
        !("owner_vm_id" in status && status.owner_vm_id !== null),
    );
    return [
      ...others.map(({ spec }) => `${kind} ${spec.name} is there still`),
      ...wanted.flatMap(({ id, spec }) => {
        const item = items.find((found) => found.id === id);
        if (!item) return [`${kind} ${spec.name} is not there`];
        if (!isSame(item.spec, spec)) return [`${kind} ${spec.name} has another spec`];
        if (item.observedRevision !== item.specRevision) {
          return [`${kind} ${spec.name} is not at its revision: ${JSON.stringify(item.status)}`];
        }
        const phase = "phase" in item.status ? item.status.phase : "ready";
        const rest = "power_state" in spec ? spec.power_state : "ready";
        return phase === rest ? [] : [`${kind} ${spec.name} is ${phase}`];
      }),
    ];
  }

  #known(kind: KindName): string[] {
    return [...this.#ids.keys()]
      .filter((place) => place.startsWith(`${kind}/`))
      .map((place) => place.slice(kind.length + 1));
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if ((error as { readonly code?: string }).code === "NOT_FOUND") return undefined;
    throw error;
  }
}

function isSame(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  return isDeepStrictEqual(plain(a), plain(b));
}
