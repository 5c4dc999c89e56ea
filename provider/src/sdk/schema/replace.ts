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
  const isCollection = node.kind === "map" || node.kind === "list";
  if (nested !== undefined && node.kind === "object") {
    return visitPlace(nested, change, update, path, found);
  }
  if (nested !== undefined && isCollection && prior !== null && isUnknown(planned)) {
    if (Object.keys(prior).length > 0 && demands(nested, update)) found.push(path);
    return;
  }
  if (nested === undefined || !isCollection || prior === null || planned === null) {
    if (update === "replace") found.push(path);
    return;
  }
  const keys = Object.keys(planned);
  const kept = keys.filter((key) => elementAt(prior, key) !== null);
  for (const key of kept) {
    const element = {
      config: elementAt(config, key),
      prior: elementAt(prior, key),
      planned: elementAt(planned, key),
    };
    const step = node.kind === "list" ? Number(key) : key;
    visitPlace(nested, element, update, [...path, step], found);
  }
  const sameKeys = kept.length === keys.length && kept.length === Object.keys(prior).length;
  if (update === "replace" && !sameKeys) found.push(path);
}

/** One object at its place. */
function visitPlace(
  nested: ObjectNode,
  change: Change,
  update: Update,
  path: Path,
  found: Path[],
): void {
  const { prior, planned } = change;
  if (isMembers(prior) && isMembers(planned)) {
    visitObject(nested, change, update, path, found);
  } else if (isMembers(prior) && isUnknown(planned)) {
    if (demands(nested, update)) found.push(path);
  } else if (update === "replace") {
    found.push(path);
  }
}

/**
 * Whether an unknown object could turn out to need a new one. The plan must say so then: in the
 * apply it is too late.
 */
function demands(node: ObjectNode, inherited: Update): boolean {
  if (inherited === "replace") return true;
  return [...node.attributes.values()].some((attribute) => {
    const update = attribute.update ?? inherited;
    if (update === "replace" && (attribute.optional || attribute.required)) return true;
    const nested = nestedObject(attribute.node);
    return nested !== undefined && demands(nested, update);
  });
}

function elementAt(value: Value, key: string): Value {
  if (Array.isArray(value)) return (value as readonly Value[])[Number(key)] ?? null;
  return member(value, key);
}
