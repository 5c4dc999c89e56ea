/**
 * What one walk of Terraform over a configuration has seen and planned, across all its resources: each is planned by
 * itself, so that only here two of them that want the same name, address or disk can meet.
 */
import type { Hosts } from "../hosts.ts";

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

interface Claimed {
  readonly claimant: Claimant;
  readonly range: readonly [number, number];
}

const whole = [-Infinity, Infinity] as const;

export class Walk {
  readonly #claims = new Map<string, Claimed[]>();
  readonly #stored = new Set<string>();
  readonly #staying = new Set<string>();
  readonly #doubts = new Map<string, ReadonlySet<string>>();

  /** An object of the state. Terraform tells each before anything is planned for it. */
  noteStored(id: string): void {
    this.#stored.add(id);
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
   * Whether an object that stands in the way may be gone by the time of the apply: it is in the state, and as far as is
   * known it is not kept as it is. A tainted object is replaced without a word that it is the one; what is said about it
   * is kept for the case that it stays after all.
   */
  mayGo(holder: string, clash: string): boolean {
    if (!this.#stored.has(holder) || this.#staying.has(holder)) return false;
    this.#doubts.set(holder, new Set([...(this.#doubts.get(holder) ?? []), clash]));
    return true;
  }

  /**
   * An object stays as it is. Answers what others have planned in the hope that it does not; the same each time, since
   * one plan may be made twice.
   */
  stays(id: string): readonly string[] {
    this.#staying.add(id);
    return [...(this.#doubts.get(id) ?? [])];
  }
}

const walks = new WeakMap<Hosts, Walk>();

/** The walk that a provider was configured for. */
export function walkOf(hosts: Hosts): Walk {
  const walk = walks.get(hosts) ?? new Walk();
  walks.set(hosts, walk);
  return walk;
}
