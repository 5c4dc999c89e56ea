import type { Item, KindClient } from "@lodge/schemas/kind-client.ts";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallOptions } from "@lodge/schemas/rpc/service.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";

/** How old, in milliseconds, a list may be that a read is answered from. */
const FRESH = 2000;
/** How long the agent has to answer a claim, in milliseconds from when it is sent. */
const CLAIM = 15_000;

/** Asks an agent something that it answers soon, if it answers at all. */
export type Ask = <T>(
  question: (options: CallOptions) => Promise<T>,
  signal: AbortSignal,
) => Promise<T>;

/**
 * Reads of one kind on one host. Terraform refreshes object by object, up to ten at once; here all reads of a
 * moment share one List, so that a thousand objects cost a handful of calls.
 */
export class Reads<K extends KindName> {
  readonly #client: KindClient<K>;
  readonly #ask: Ask;
  #list: { readonly at: number; readonly items: Promise<ReadonlyMap<string, Item<K>>> } | undefined;
  #claims: { readonly ids: Set<string>; readonly done: Promise<void> } | undefined;
  #claiming: Promise<void> = Promise.resolve();
  /** What this process has claimed: a list may be older than that. */
  readonly #claimed = new Set<string>();
  /** A viewer may read and not claim; what it reads is right all the same. */
  #mayClaim = true;

  constructor(client: KindClient<K>, ask: Ask) {
    this.#client = client;
    this.#ask = ask;
  }

  /** One object, and the agent told that its id is kept; undefined where it is certainly gone. */
  async get(id: string, signal: AbortSignal): Promise<Item<K> | undefined> {
    const item = (await this.#items(signal)).get(id);
    const claims = item && !item.claimed && this.#mayClaim && !this.#claimed.has(id);
    if (claims) await untilAborted(this.#claim(id), signal);
    return item;
  }

  /**
   * Tells the agent that the id of an object is kept that was just made: nobody else is given it from then on. If that
   * fails, the next refresh does so.
   */
  claim(id: string): Promise<void> {
    return this.#claim(id);
  }

  /** All objects, none of them claimed: for those who only look, such as data sources, whatever they look for. */
  async all(signal: AbortSignal): Promise<readonly Item<K>[]> {
    return [...(await this.#items(signal)).values()];
  }

  forget(): void {
    this.#list = undefined;
  }

  #items(signal: AbortSignal): Promise<ReadonlyMap<string, Item<K>>> {
    const now = performance.now();
    if (this.#list && now - this.#list.at < FRESH) return this.#list.items;
    const asked = this.#ask((options) => this.#client.list([], options), signal);
    const items = asked.then((all) => new Map(all.map((item) => [item.id, item])));
    const list = { at: now, items };
    this.#list = list;
    items.catch(() => {
      if (this.#list === list) this.#list = undefined;
    });
    return items;
  }

  /** What comes while one call is under way goes together in the next. */
  #claim(id: string): Promise<void> {
    if (!this.#claims) {
      const ids = new Set<string>();
      const done = this.#claiming.then(async () => {
        this.#claims = undefined;
        const items = await this.#client.claim([...ids], { timeoutMs: CLAIM });
        this.#mayClaim = !items.some(({ id, claimed }) => ids.has(id) && !claimed);
        for (const id of ids) this.#claimed.add(id);
      });
      this.#claims = { ids, done };
      this.#claiming = done.catch(() => undefined);
    }
    this.#claims.ids.add(id);
    return this.#claims.done.catch((thrown: unknown) => {
      if (!(thrown instanceof LodgeError && thrown.code === "PERMISSION_DENIED")) throw thrown;
      this.#mayClaim = false;
    });
  }
}
