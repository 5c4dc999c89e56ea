import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { isWaiting } from "../../lib/clock.ts";
import type { Reference } from "../record.ts";
import type { Entry, HeldClaim } from "./store.ts";

/** A claim as it is stored: who holds it, or held it last. */
export interface StoredClaim {
  readonly key: string;
  readonly holder: Reference;
  readonly cooldown: number;
  /** Released; until then nobody but the last holder gets it. */
  readonly freeAt?: number;
}

/** A claim that is to be written, or to be forgotten. */
export type ClaimChange =
  | { readonly set: StoredClaim; readonly forget?: undefined }
  | { readonly forget: string; readonly set?: undefined };

/** Whether nobody but its last holder gets a claim. */
const cools = ({ freeAt, cooldown }: StoredClaim, now: number): boolean =>
  freeAt !== undefined && isWaiting(freeAt, cooldown, now);

const same = (a: Reference, b: Reference): boolean => a.kind === b.kind && a.id === b.id;

/** The claims of a store by their keys. */
export class ClaimTable {
  readonly #claims = new Map<string, StoredClaim>();
  readonly #held = new Map<string, Set<string>>();
  /** Keys that only cool down. */
  readonly #cooling = new Set<string>();

  constructor(stored: readonly StoredClaim[]) {
    this.apply(stored.map((set) => ({ set })));
  }

  get(key: string): StoredClaim | undefined {
    return this.#claims.get(key);
  }

  list(prefix: string, now: number): HeldClaim[] {
    return this.#claims
      .values()
      .filter((claim) => claim.key.startsWith(prefix))
      .filter((claim) => claim.freeAt === undefined || cools(claim, now))
      .map(({ key, holder, freeAt }) => (freeAt === undefined ? { key, holder } : { key, freeAt }))
      .toArray();
  }

  /** What puts and deletions do to the claims. Throws ALREADY_EXISTS (reason CLAIM_HELD). */
  check(put: readonly Entry[], deleted: readonly Reference[], now: number): ClaimChange[] {
    const changes = new Map<string, ClaimChange>();
    for (const key of this.#cooling) {
      if (!cools(this.#claims.get(key)!, now)) changes.set(key, { forget: key });
    }
    for (const { record, claims } of put) {
      const kept = new Set(claims.map(({ key }) => key));
      this.#release(record, (key) => !kept.has(key), now, changes);
    }
    for (const reference of deleted) this.#release(reference, () => true, now, changes);
    for (const { record, claims } of put) {
      const holder = { kind: record.kind, id: record.id };
      for (const { key, cooldown = 0 } of claims) {
        const pending = changes.get(key);
        const current = pending ? pending.set : this.#claims.get(key);
        const taken = current && (current.freeAt === undefined || cools(current, now));
        if (taken && !same(current.holder, holder)) throw held(current);
        if (current?.freeAt === undefined && current?.cooldown === cooldown) continue;
        changes.set(key, { set: { key, holder, cooldown } });
      }
    }
    return [...changes.values()];
  }

  apply(changes: readonly ClaimChange[]): void {
    for (const { set, forget } of changes) {
      const key = set?.key ?? forget!;
      const before = this.#claims.get(key);
      if (before) this.#unhold(before);
      this.#cooling.delete(key);
      if (!set) {
        this.#claims.delete(key);
        continue;
      }
      this.#claims.set(key, set);
      if (set.freeAt === undefined) {
        const holder = `${set.holder.kind}/${set.holder.id}`;
        this.#held.set(holder, (this.#held.get(holder) ?? new Set<string>()).add(key));
      } else this.#cooling.add(key);
    }
  }

  #unhold({ key, holder }: StoredClaim): void {
    const of = `${holder.kind}/${holder.id}`;
    const keys = this.#held.get(of);
    keys?.delete(key);
    if (keys?.size === 0) this.#held.delete(of);
  }

  #release(
    { kind, id }: Reference,
    released: (key: string) => boolean,
    now: number,
    changes: Map<string, ClaimChange>,
  ): void {
    for (const key of this.#held.get(`${kind}/${id}`) ?? []) {
      if (!released(key)) continue;
      const claim = this.#claims.get(key)!;
      changes.set(
        key,
        claim.cooldown > 0 ? { set: { ...claim, freeAt: now + claim.cooldown } } : { forget: key },
      );
    }
  }
}

function held({ key, holder, freeAt }: StoredClaim): Error {
  return lodgeError(
    "CLAIM_HELD",
    freeAt === undefined
      ? `${key} is held by ${holder.kind} ${holder.id}.`
      : `${key} was released by ${holder.kind} ${holder.id} and cools down.`,
    { kind: holder.kind, id: holder.id, name: key, retryable: true },
  );
}
