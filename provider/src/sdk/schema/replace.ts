/** Which changes need a new object, as the schema's meta says. */

import { valuesEqual } from "../value/equal.ts";
import type { Path } from "../value/path.ts";
import { comparePaths } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, member } from "../value/value.ts";
import type { Attribute, ObjectNode } from "./attribute.ts";
import { nestedObject } from "./attribute.ts";

type Update = NonNullable<Attribute["update"]>;

interface Change {
  /** With defaults. */
  readonly config: Value;
  readonly prior: Value;
  readonly planned: Value;
}

/**
 * The attributes whose change needs a new object, sorted. An element of a set has no address, so
 * the set is named. A computed value that is not known yet demands nothing by itself.
 */
export function replacePaths(node: ObjectNode, change: Change, update: Update = "live"): Path[] {
  if (change.prior === null || change.planned === null) return [];
  const found: Path[] = [];
  visitObject(node, change, update, [], found);
  return found.toSorted(comparePaths);
}

function visitObject(
  node: ObjectNode,
  { config, prior, planned }: Change,
  inherited: Update,
  path: Path,
  found: Path[],
): void {
  for (const [name, attribute] of node.attributes) {
    const change = {
      config: member(config, name),
      prior: member(prior, name),
      planned: member(planned, name),
    };
    visit(attribute, change, attribute.update ?? inherited, [...path, name], found);
  }
}

function visit(
  attribute: Attribute,
  change: Change,
  update: Update,
  path: Path,
  found: Path[],
): void {
  const { node } = attribute;
  const { config, prior, planned } = change;
  if (valuesEqual(node.type, prior, planned)) return;
  if (config === null && attribute.computed && isUnknown(planned)) return;
  const nested = nestedObject(node);
  if (nested !== undefined && node.kind === "object" && isMembers(prior) && isMembers(planned)) {
    return visitObject(nested, change, update, path, found);
  }
  if (nested !== undefined && node.kind === "map" && isMembers(prior) && isMembers(planned)) {
    const keys = Object.keys(planned).filter(
      (key) => isMembers(member(prior, key)) && isMembers(planned[key]),
    );
    for (const key of keys) {
      const element = {
        config: member(config, key),
        prior: member(prior, key),
        planned: planned[key]!,
      };
      visitObject(nested, element, update, [...path, key], found);
    }
    const sameKeys =
      keys.length === Object.keys(planned).length && keys.length === Object.keys(prior).length;
    if (update === "replace" && !sameKeys) found.push(path);
    return;
  }
  if (
    nested !== undefined &&
    node.kind === "list" &&
    Array.isArray(prior) &&
    Array.isArray(planned)
  ) {
    const length = Math.min(prior.length, planned.length);
    for (let index = 0; index < length; index++) {
      const element = {
        config: Array.isArray(config) ? ((config as readonly Value[])[index] ?? null) : null,
        prior: (prior as readonly Value[])[index]!,
        planned: (planned as readonly Value[])[index]!,
      };
      if (isMembers(element.prior) && isMembers(element.planned)) {
        visitObject(nested, element, update, [...path, index], found);
      } else if (update === "replace") {
        found.push([...path, index]);
      }
    }
    if (update === "replace" && prior.length !== planned.length) found.push(path);
    return;
  }
  if (update === "replace") found.push(path);
}
