/** Generators of types and of values for property tests. */

import fc from "fast-check";
import { distinct } from "../value/equal.ts";
import { fromDouble, parseNumber } from "../value/number.ts";
import type { Type } from "../value/type.ts";
import { bool, dynamic, list, map, number, object, set, string, tuple } from "../value/type.ts";
import type { Refinements } from "../value/unknown.ts";
import { isUnknown, unknown, Unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { Dynamic, members } from "../value/value.ts";

/** Names that have bitten somebody, among ordinary ones. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.stringMatching(/^[a-z][a-z0-9_]{0,6}$/u) },
  fc.constantFrom("__proto__", "constructor", "toString", "ä", "", "a.b", "0"),
);

/** Every kind of type, a few levels deep. */
export const anyType: fc.Arbitrary<Type> = fc.letrec<{ type: Type }>((tie) => ({
  type: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constantFrom(string, number, bool, dynamic),
    tie("type").map(list),
    tie("type").map(set),
    tie("type").map(map),
    fc
      .uniqueArray(fc.tuple(anyName, tie("type")), { selector: ([name]) => name, maxLength: 4 })
      .map((entries) => object(Object.fromEntries(entries))),
    fc.array(tie("type"), { maxLength: 3 }).map(tuple),
  ),
})).type;

const anyNumber = fc.oneof(
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map((value) => parseNumber(String(value))),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(fromDouble),
  fc
    .tuple(fc.bigInt({ min: 0n, max: 10n ** 30n }), fc.nat(999_999_999))
    .map(([whole, fraction]) => parseNumber(`-${whole}.${fraction}1`)),
);

const anyRefinements: fc.Arbitrary<Refinements> = fc.record(
  { isNull: fc.constant(false), prefix: fc.stringMatching(/^[a-z]{0,5}$/u), minLength: fc.nat(9) },
  { requiredKeys: [] },
);

/** What {@link anyValue} may contain. */
export interface ValueOptions {
  readonly unknowns?: boolean;
}

/** A value of that type; null and, where asked for, unknown at any place. */
export function anyValue(type: Type, options: ValueOptions = {}): fc.Arbitrary<Value> {
  const special: fc.WeightedArbitrary<Value>[] = [{ weight: 1, arbitrary: fc.constant(null) }];
  if (options.unknowns === true) {
    special.push({ weight: 1, arbitrary: anyRefinements.map((known) => new Unknown(known)) });
    special.push({ weight: 1, arbitrary: fc.constant(unknown) });
  }
  return fc.oneof({ weight: 6, arbitrary: anyPresent(type, options) }, ...special);
}

function anyPresent(type: Type, options: ValueOptions): fc.Arbitrary<Value> {
  switch (type.kind) {
    case "string":
      return fc.string({ unit: "binary", maxLength: 12 }).map((text) => text.normalize("NFC"));
    case "number":
      return anyNumber;
    case "bool":
      return fc.boolean();
    case "dynamic":
      return anyType
        .filter((inner) => inner.kind !== "dynamic")
        .chain((inner) =>
          anyValue(inner, options).map((value) =>
            value === null || isUnknown(value) ? value : new Dynamic(inner, value),
          ),
        );
    case "list":
      return fc.array(anyValue(type.element, options), { maxLength: 3 });
    case "set":
      return fc
        .array(anyValue(type.element, options), { maxLength: 3 })
        .map((elements) => distinct(type.element, elements));
    case "map":
      return fc
        .array(fc.tuple(anyName, anyValue(type.element, options)), { maxLength: 3 })
        .map(members);
    case "object":
      return fc
        .tuple(
          ...[...type.attributes].map(([name, attribute]) =>
            anyValue(attribute, options).map((value): [string, Value] => [name, value]),
          ),
        )
        .map(members);
    case "tuple":
      return fc.tuple(...type.elements.map((element) => anyValue(element, options)));
  }
}
