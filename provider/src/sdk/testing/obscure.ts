/** Generates what is known of a configuration before the apply: some parts are not. */

import fc from "fast-check";
import { Unknown, unknown } from "../value/unknown.ts";

/** The same configuration with any of its parts unknown, from nothing to almost everything. */
export function obscured(config: object): fc.Arbitrary<object> {
  return fc.array(fc.nat(9), { minLength: 1, maxLength: 30 }).map((dice) => {
    let throws = 0;
    const hide = (value: unknown): unknown => {
      const die = dice[throws++ % dice.length]!;
      if (die === 0) return unknown;
      if (die === 1 && typeof value === "string" && value !== "") {
        return new Unknown({ isNull: false, prefix: value.slice(0, 1) });
      }
      return inside(value);
    };
    const inside = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(hide);
      if (typeof value !== "object" || value === null || value instanceof Unknown) return value;
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, hide(inner)]));
    };
    return inside(config) as object;
  });
}
