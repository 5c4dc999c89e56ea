/** What becomes of a wish, judged by what the store says. */
import { isDeepStrictEqual } from "node:util";
import type { KindName, SpecOf } from "@lodge/schemas/spec/kind.ts";
import type { Admission, Policy, Wish } from "./policy.ts";
import type { Store } from "./port/store.ts";
import type { Record } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import {
  beingDeleted,
  beingMade,
  gone,
  immutable,
  madeTwice,
  nameTaken,
  plain,
  revisionMismatch,
} from "./wish-refusals.ts";

/** Who asks. */
export interface Principal {
  readonly name: string;
  /** One of its runs, such as one apply; absent where the client does not say. */
  readonly run?: string;
  /** Whether a run, one's own or another's, still goes on: what it has made is not given to others then. */
  readonly isAtWork?: (run: string) => boolean;
}

export interface PutRequest<K extends KindName> {
  readonly id: string;
  readonly spec: SpecOf<K>;
  /** The revision that the edit was made from; absent where the object is to be new. */
  readonly expectedRevision?: number;
}

/** What a wish leads to: the object that it stands for already, reasons against it, or a commit. */
export type Decision<K extends KindName> =
  | { readonly answer: Record<K>; readonly refusals?: undefined; readonly admission?: undefined }
  | {
      readonly refusals: readonly [Refusal, ...Refusal[]];
      readonly answer?: undefined;
      readonly admission?: undefined;
    }
  | {
      readonly wish: Wish<K>;
      readonly admission: Admission<K>;
      readonly answer?: undefined;
      readonly refusals?: undefined;
    };

/** Changes nothing. `preflight` is what a look at the host has told against the wish. */
export async function decide<K extends KindName>(
  policy: Policy<K>,
  store: Store,
  { id, spec, expectedRevision }: PutRequest<K>,
  principal: Principal,
  preflight: readonly Refusal[],
  now: number,
): Promise<Decision<K>> {
  const { kind } = policy;
  const current = await store.get(kind, id);
  const refusals: Refusal[] = [...preflight];
  const wanted = current && policy.normalize ? policy.normalize(spec, current) : spec;
  if (current) {
    if (current.deletedAt !== undefined) return { refusals: [beingDeleted(current)] };
    if (expectedRevision !== current.specRevision) {
      if (isRepeated(current, wanted, expectedRevision, principal)) return { answer: current };
      return { refusals: [revisionMismatch(current, expectedRevision)] };
    }
  } else if (expectedRevision !== undefined) {
    return { refusals: [gone(kind, id)] };
  }
  const namesake = await store.find(kind, spec.name);
  if (namesake && namesake.id !== id) {
    if (!current && isTwin(namesake, spec, principal)) {
      // Whatever else speaks against it, its own twin holds.
      const refusal = kept(namesake, id, principal);
      return refusal ? { refusals: [refusal] } : { answer: namesake };
    }
    refusals.push(nameTaken(namesake));
  }
  if (current) refusals.push(...immutable(current, wanted));
  const wish: Wish<K> = {
    id,
    spec: plain(wanted),
    ...(current && { current }),
    creator: principal.name,
    ...(!current && principal.run !== undefined && { maker: { run: principal.run, wish: id } }),
    now,
  };
  const admission = await policy.admit(wish);
  const [first, ...others] = [...refusals, ...admission.refusals];
  return first ? { refusals: [first, ...others] } : { wish, admission };
}

/** Whether the object is what the same wish has made of it already, since its answer was lost. */
function isRepeated<K extends KindName>(
  { spec, creator, specRevision }: Record<K>,
  wanted: SpecOf<K>,
  expectedRevision: number | undefined,
  { name }: Principal,
): boolean {
  if (!isDeepStrictEqual(plain(wanted), plain(spec))) return false;
  if (expectedRevision === undefined) return creator === name && specRevision === 1;
  return expectedRevision === specRevision - 1;
}

/** Whether the object was made by a wish like this one, whose answer nobody has kept. */
function isTwin<K extends KindName>(
  { claimed, deletedAt, creator, spec: made }: Record<K>,
  spec: SpecOf<K>,
  { name }: Principal,
): boolean {
  if (claimed || deletedAt !== undefined || creator !== name) return false;
  return isDeepStrictEqual(plain(spec), plain(made));
}

/** What speaks against telling the id of an object that nobody has claimed to whoever has the same wish. */
function kept(
  record: Record,
  wish: string,
  { run, isAtWork = () => false }: Principal,
): Refusal | undefined {
  const { maker } = record;
  if (!maker) return undefined;
  if (maker.run === run) return maker.wish === wish ? undefined : madeTwice(record);
  return isAtWork(maker.run) ? beingMade(record) : undefined;
}
