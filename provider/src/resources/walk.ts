/**
 * What one walk of Terraform over a configuration has seen and planned, across all its resources: each is planned by
 * itself, so that only here two of them that want the same name, address or disk can meet.
 */
import type { Hosts } from "../hosts.ts";

type Values = Readonly<Record<string, unknown>>;

/** What only one object may have at a time, as a name on a host. */
export interface Claim {
  /** The same for all who claim the same. */
  readonly key: string;
  /** The part of it that is claimed, from first to last; absent for all of it. */
  readonly range?: readonly [number, number];
  /** The attribute that claims it. */
  readonly path: readonly string[];
  /** Said where two resources claim it. */
  readonly clash: string;
}

/** Who claims: the id of an object that exists; something that equals nothing else for one that is to be made. */
type Claimant = string | symbol;

/**
 * How an object can stand in the way of another: by what it alone can have, as a name; or by its need of what the other
 * would take away.
 */
export type Hold = "claim" | "need";

interface Claimed {
  readonly claimant: Claimant;
  readonly range: readonly [number, number];
}

const whole = [-Infinity, Infinity] as const;

export class Walk {
  readonly #claims = new Map<string, Claimed[]>();
  readonly #stored = new Set<string>();
  readonly #planned = new Map<string, Values>();
  readonly #kept = new Map<string, readonly Hold[]>();
  readonly #doubts = new Map<string, ReadonlyMap<string, Hold>>();

  /** An object of the state. Terraform tells each before anything is planned for it, and others may be planned before. */
  noteStored(id: string): void {
    this.#stored.add(id);
  }

  /** What an object of the state is planned to be. */
  notePlanned(id: string, values: Values): void {
    this.#planned.set(id, values);
  }

  /** What an object is planned to be; undefined where it is not planned yet, or not in the state. */
  plannedOf(id: string): Values | undefined {
    return this.#planned.get(id);
  }

  /** Whether an object is known to be in the state. One that is not may turn out to be. */
  isStored(id: string): boolean {
    return this.#stored.has(id);
  }

  /** Whether an object is kept, as it is or with changes, as far as is known. */
  isKept(id: string): boolean {
    return this.#kept.has(id);
  }

  /** The claims that another resource of this walk has made before. */
  claim(claimant: Claimant, claims: readonly Claim[]): readonly Claim[] {
    return claims.filter(({ key, range = whole }) => {
      const before = this.#claims.get(key) ?? [];
      const isTaken = before.some(
        (other) =>
          other.claimant !== claimant && other.range[0] <= range[1] && range[0] <= other.range[1],
      );
      if (!isTaken) this.#claims.set(key, [...before, { claimant, range }]);
      return isTaken;
    });
  }

  /**
   * Whether an object that stands in the way may be out of it by the time of the apply: it is in this state, or in some
   * state that may be this one, and as far as is known it does not keep what is wanted. A tainted object is replaced
   * without a word that it is the one; what is said about it is kept for the case that it stays after all.
   */
  mayGo(
    holder: string,
    clash: string,
    { hold, isClaimed }: { readonly hold: Hold; readonly isClaimed: boolean },
  ): boolean {
    if (!this.#stored.has(holder) && !isClaimed) return false;
    if (this.#kept.get(holder)?.includes(hold)) return false;
    this.#doubts.set(holder, new Map([...(this.#doubts.get(holder) ?? []), [clash, hold]]));
    return true;
  }

  /**
   * An object is kept, and with it what it holds in these ways. Answers what others have planned in the hope that it does
   * not; the same each time, since one plan may be made twice.
   */
  keeps(id: string, holds: readonly Hold[]): readonly string[] {
    this.#kept.set(id, holds);
    const doubts = [...(this.#doubts.get(id) ?? [])];
    return doubts.filter(([, hold]) => holds.includes(hold)).map(([clash]) => clash);
  }
}

const walks = new WeakMap<Hosts, Walk>();

/** The walk that a provider was configured for. */
export function walkOf(hosts: Hosts): Walk {
  const walk = walks.get(hosts) ?? new Walk();
  walks.set(hosts, walk);
  return walk;
}
