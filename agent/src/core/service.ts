import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { Clock } from "../lib/clock.ts";
import type { Mutex } from "../lib/mutex.ts";
import { decide, type Decision, type Principal, type PutRequest } from "./decide.ts";
import { dismissals } from "./dismissals.ts";
import { untilCommitted, type Draft, type Ledger } from "./ledger.ts";
import type { Admission, Policy, Wish } from "./policy.ts";
import type { Change } from "./port/store.ts";
import type { Record } from "./record.ts";
import { refusalError, type Refusal } from "./refusal.ts";
import { revisionMismatch } from "./wish-refusals.ts";

export type Key = { readonly id: string } | { readonly name: string };

export interface ServiceOptions {
  /** The name of the host that the objects are on. */
  readonly host: string;
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** Shared by all kinds: wishes are judged one at a time, so that what one is given no other is. */
  readonly admission: Mutex;
}

/** Put, Validate, Get, List, Watch and Delete of one kind. Wishes are written and nothing else: reconcilers make them true. */
export class ObjectService<K extends KindName> {
  readonly #policy: Policy<K>;
  readonly #options: ServiceOptions;

  constructor(policy: Policy<K>, options: ServiceOptions) {
    this.#policy = policy;
    this.#options = options;
  }

  get #store() {
    return this.#options.ledger.store;
  }

  /** Writes a wish. Resolves with the object, with all that it was given. Throws what Validate tells. */
  async put(request: PutRequest<K>, principal: Principal): Promise<Record<K>> {
    // A VM's own account of its start begins here, with what the wish waits for.
    const now = this.#options.clock.now();
    const preflight = await this.#preflight(request);
    return this.#options.admission.run(() =>
      untilCommitted(async () => {
        const decision = await this.#decide(request, principal, preflight, now);
        if (decision.refusals) throw refusalError(decision.refusals);
        if (decision.answer) return this.#handOver(decision.answer, request, principal);
        return this.present(await this.#commit(decision.wish, decision.admission));
      }),
    );
  }

  /** Everything for which Put would refuse the wish. */
  async validate(request: PutRequest<K>, principal: Principal): Promise<readonly Refusal[]> {
    const decision = await this.#decide(request, principal, await this.#preflight(request));
    return decision.refusals ?? [];
  }

  /** Throws NOT_FOUND. With `claim`, the object is not adopted by a later Put of the same wish. */
  async get(key: Key, claim: boolean): Promise<Record<K>> {
    const { kind } = this.#policy;
    const { host } = this.#options;
    const record = await ("id" in key
      ? this.#store.get(kind, key.id)
      : this.#store.find(kind, key.name));
    if (!record) {
      const called = "id" in key ? `the id ${key.id}` : `the name ${key.name}`;
      throw lodgeError("NOT_FOUND", `No ${kinds[kind].title} on the host ${host} has ${called}.`, {
        kind,
        ...("id" in key ? { id: key.id } : { name: key.name }),
      });
    }
    return this.present(claim ? await this.#claim(record) : record);
  }

  /** All objects of the kind, or only some of them; those with the given ids are claimed. */
  async list(
    claimIds: readonly string[],
    only?: readonly string[],
  ): Promise<{ readonly records: readonly Record<K>[]; readonly sequence: number }> {
    for (const id of claimIds) {
      const record = await this.#store.get(this.#policy.kind, id);
      if (record) await this.#claim(record);
    }
    const { records: all, sequence } = await this.#store.list(this.#policy.kind);
    const wanted = only && new Set(only);
    const records = wanted ? all.filter(({ id }) => wanted.has(id)) : all;
    return { records: await Promise.all(records.map((record) => this.present(record))), sequence };
  }

  /** See `Store.watch`; `id` limits it to one object. */
  async *watch(
    since: number,
    id: string | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Change, void, undefined> {
    for await (const change of this.#store.watch(this.#policy.kind, since, signal)) {
      if (change.type === "synced") yield change;
      else if (change.type === "delete") {
        if (id === undefined || change.reference.id === id) yield change;
      } else if (id === undefined || change.record.id === id) {
        const record = (await this.present(change.record as Record<K>)) as Record;
        yield { ...change, record };
      }
    }
  }

  /** Wishes the object gone; wished so already is success. Throws NOT_FOUND, DELETION_PROTECTED, IN_USE. */
  async delete(id: string, expectedRevision?: number): Promise<void> {
    const { kind } = this.#policy;
    return this.#options.admission.run(() =>
      untilCommitted(async () => {
        const record = await this.get({ id }, false);
        if (record.deletedAt !== undefined) return;
        if (expectedRevision !== undefined && expectedRevision !== record.specRevision) {
          throw refusalError([revisionMismatch(record, expectedRevision)]);
        }
        const [first, ...others] = await dismissals(this.#policy, this.#store, record);
        if (first) throw refusalError([first, ...others]);
        const stored = (await this.#store.get(kind, id))!;
        const expect = [{ kind, id, sequence: record.sequence }];
        const draft = {
          ...stored,
          deletedAt: this.#options.clock.now(),
          status: { ...stored.status, phase: "deleting", message: "" },
        } as Draft<K>;
        const commit = this.#policy.storeOnly
          ? { expect, delete: [{ kind, id }] }
          : { expect, put: [await this.#policy.entry(draft)] };
        await this.#options.ledger.commit(commit, "commit_delete", { kind, id });
      }),
    );
  }

  /** The record with what follows from other records. */
  async present(record: Record<K>): Promise<Record<K>> {
    return this.#policy.present ? this.#policy.present(record) : record;
  }

  /** Like put for an object whose facts are known already; see `Images.receive`. */
  async putWith(
    request: PutRequest<K>,
    principal: Principal,
    facts: Pick<Draft<K>, "status" | "internal">,
  ): Promise<Record<K>> {
    return this.#options.admission.run(() =>
      untilCommitted(async () => {
        const decision = await this.#decide(request, principal, []);
        if (decision.refusals) throw refusalError(decision.refusals);
        if (decision.answer) return this.#handOver(decision.answer, request, principal);
        return this.present(
          await this.#commit(decision.wish, { ...decision.admission, ...facts }, 1),
        );
      }),
    );
  }

  /** The object that a wish stands for already, since its answer was lost; undefined where it is new. */
  async adopted(request: PutRequest<K>, principal: Principal): Promise<Record<K> | undefined> {
    return this.#options.admission.run(async () => {
      const { answer } = await this.#decide(request, principal, []);
      return answer && this.#handOver(answer, request, principal);
    });
  }

  /** Writes down who is told the id of an adopted object, so that nobody else is. */
  async #handOver(
    record: Record<K>,
    { id: wish }: PutRequest<K>,
    { run }: Principal,
  ): Promise<Record<K>> {
    const { kind, id, maker } = record;
    if (id === wish || run === undefined || (maker?.run === run && maker.wish === wish))
      return this.present(record);
    const handed = await this.#options.ledger.edit(
      { kind, id },
      (draft) => this.#policy.entry(draft),
      (newest) => ({ ...newest, maker: { run, wish } }),
      "commit_put",
      record,
    );
    return this.present(handed ?? record);
  }

  async #preflight({ id, spec }: PutRequest<K>): Promise<readonly Refusal[]> {
    const current = await this.#store.get(this.#policy.kind, id);
    return (await this.#policy.preflight?.(spec, current)) ?? [];
  }

  #decide(
    request: PutRequest<K>,
    principal: Principal,
    preflight: readonly Refusal[],
    now = this.#options.clock.now(),
  ): Promise<Decision<K>> {
    return decide(this.#policy, this.#store, request, principal, preflight, now);
  }

  async #commit(
    { id, spec, current, creator, maker = current?.maker, now }: Wish<K>,
    { status, internal, further = [], expect = [], freed = [] }: Admission<K>,
    observedRevision = 0,
  ): Promise<Record<K>> {
    const { kind } = this.#policy;
    const draft: Draft<K> = {
      kind,
      id,
      creator: current?.creator ?? creator,
      claimed: current?.claimed ?? false,
      ...(maker && { maker }),
      createdAt: current?.createdAt ?? now,
      specRevision: (current?.specRevision ?? 0) + 1,
      observedRevision:
        current?.observedRevision ?? (this.#policy.storeOnly ? 1 : observedRevision),
      spec,
      status,
      internal,
    };
    const settled = this.#policy.storeOnly
      ? { ...draft, observedRevision: draft.specRevision }
      : draft;
    const entry = await this.#policy.entry(settled);
    await this.#options.ledger.commit(
      {
        expect: [{ kind, id, sequence: current?.sequence ?? 0 }, ...expect],
        put: [entry, ...further],
      },
      "commit_put",
      { kind, id },
      undefined,
      freed,
    );
    const committed = await this.#store.get(kind, id);
    if (!committed) throw lodgeError("NOT_FOUND", "The object was deleted at once.", { kind, id });
    return committed;
  }

  async #claim(record: Record<K>): Promise<Record<K>> {
    if (record.claimed) return record;
    const { kind, id } = record;
    const claimed = await this.#options.ledger.edit(
      { kind, id },
      (draft) => this.#policy.entry(draft),
      (newest) => (newest.claimed ? undefined : { ...newest, claimed: true }),
      "commit_put",
      record,
    );
    return claimed ?? record;
  }
}
