/** Core's own idea of write-only attributes: they stand in configurations, and nowhere else. */

import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { CoreAttribute } from "./core-schema.ts";

/** What core proposes holds none of them. */
export function stripWriteOnly(attributes: readonly CoreAttribute[], value: Value): Value {
  if (!isMembers(value)) return value;
  return members(
    attributes.map((attribute): [string, Value] => {
      const inner = member(value, attribute.name);
      if (attribute.writeOnly) return [attribute.name, null];
      return [attribute.name, inside(attribute, inner, stripWriteOnly)];
    }),
  );
}

function inside(
  { nested }: CoreAttribute,
  value: Value,
  change: (attributes: readonly CoreAttribute[], value: Value) => Value,
): Value {
  if (nested === undefined || value === null || isUnknown(value)) return value;
  if (nested.nesting === "single") return change(nested.attributes, value);
  if (Array.isArray(value))
    return (value as readonly Value[]).map((element) => change(nested.attributes, element));
  return members(
    Object.entries<Value>(value as Members).map(([key, element]): [string, Value] => [
      key,
      change(nested.attributes, element),
    ]),
  );
}

/** Where a value holds something write-only. */
export function writeOnlyPlaces(
  attributes: readonly CoreAttribute[],
  value: Value,
  path: Path = [],
): string[] {
  if (!isMembers(value)) return [];
  return attributes.flatMap((attribute) => {
    const at = [...path, attribute.name];
    const inner = member(value, attribute.name);
    if (inner === null || isUnknown(inner)) return [];
    if (attribute.writeOnly) return [formatPath(at)];
    const { nested } = attribute;
    if (nested === undefined) return [];
    if (nested.nesting === "single") return writeOnlyPlaces(nested.attributes, inner, at);
    return Object.entries<Value>(inner as Members).flatMap(([key, element]) =>
      writeOnlyPlaces(nested.attributes, element, [...at, key]),
    );
  });
}
