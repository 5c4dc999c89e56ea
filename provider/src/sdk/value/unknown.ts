import type { ExactNumber } from "./number.ts";

/** An inclusive or exclusive bound of a number that is not known yet. */
export interface Bound {
  readonly value: ExactNumber;
  readonly inclusive: boolean;
}

/** What Terraform already knows about a value that is decided only at apply. */
export interface Refinements {
  /** True: certainly null. False: certainly not null. */
  readonly isNull?: boolean;
  /** The text begins so. */
  readonly prefix?: string;
  readonly lower?: Bound;
  readonly upper?: Bound;
  /** A collection has at least so many elements. */
  readonly minLength?: number;
  /** A collection has at most so many elements. */
  readonly maxLength?: number;
}

/** A value that is decided only at apply. Test for it with {@link isUnknown}. */
export class Unknown {
  readonly refinements: Refinements;

  constructor(refinements: Refinements = {}) {
    this.refinements = refinements;
  }

  toString(): string {
    return "(known after apply)";
  }
}

/** The unknown value of which nothing is known. */
export const unknown: Unknown = new Unknown();

/** Whether a value is decided only at apply. Looks at the value itself, not inside. */
export function isUnknown(value: unknown): value is Unknown {
  return value instanceof Unknown;
}

/** Whether a value is there and decided. Looks at the value itself, not inside. */
export function isKnown<T>(value: T): value is Exclude<T, Unknown> {
  return !(value instanceof Unknown);
}
