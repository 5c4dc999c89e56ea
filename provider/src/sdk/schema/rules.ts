/** Runs the rules across attributes wherever all that they look at is known and valid. */

import type { Rule } from "../rule.ts";
import type { Path } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, isWhollyKnown, member } from "../value/value.ts";
import type { Attribute, Node, ObjectNode } from "./attribute.ts";
import { withDefaults } from "./defaults.ts";
import { decode } from "./semantic.ts";
import type { Invalid } from "./validate.ts";

/** A place that a pattern may stand for, with what its stars were. */
interface Place {
  readonly path: Path;
  readonly keys: readonly string[];
}

/**
 * The rules that do not hold for a configuration.
 *
 * @param invalid what is wrong already; rules that look there are not run
 */
export function brokenRules(
  node: ObjectNode,
  rules: readonly Rule<never>[],
  config: Value,
  invalid: readonly Invalid[],
): Invalid[] {
  if (rules.length === 0) return [];
  const effective = withDefaults(node, config);
  const output = decoded(node, effective);
  const touches = (path: Path): boolean =>
    invalid.some(({ path: bad }) => {
      const length = Math.min(bad.length, path.length);
      return bad.slice(0, length).every((step, index) => step === path[index]);
    });
  return (rules as readonly Rule<unknown>[]).flatMap((rule) => {
    const [first, ...others] = rule.paths.map((path) => path.split("."));
    return expand(node, effective, first!, { path: [], keys: [] }).flatMap(({ path, keys }) => {
      const paths = [path, ...others.map((pattern) => substitute(node, pattern, keys))];
      const isOpen = (at: Path): boolean =>
        touches(at) || !isWhollyKnown(valueAt(effective, at)) || lacks(node, effective, at);
      if (paths.some(isOpen)) return [];
      const message = rule.test(output, keys);
      return message === undefined ? [] : [{ path, message }];
    });
  });
}

function childOf(node: Node | undefined, step: string): Node | undefined {
  if (node === undefined) return undefined;
  if (node.kind === "object") return node.attributes.get(step)?.node;
  return "element" in node ? node.element : undefined;
}

function expand(
  node: Node | undefined,
  value: Value,
  pattern: readonly string[],
  place: Place,
): Place[] {
  const [head, ...tail] = pattern;
  if (head === undefined) return [place];
  const child = childOf(node, head);
  if (head !== "*") {
    return expand(child, member(value, head), tail, { ...place, path: [...place.path, head] });
  }
  if (value === null || isUnknown(value)) return [];
  return Object.keys(value).flatMap((key) => {
    const step = Array.isArray(value) ? Number(key) : key;
    const element = Array.isArray(value)
      ? (value as readonly Value[])[Number(key)]!
      : member(value, key);
    return expand(child, element, tail, {
      path: [...place.path, step],
      keys: [...place.keys, key],
    });
  });
}

function substitute(node: Node, pattern: readonly string[], keys: readonly string[]): Path {
  let at: Node | undefined = node;
  let star = 0;
  return pattern.map((step) => {
    const parent = at;
    at = childOf(at, step);
    if (step !== "*") return step;
    const key = keys[star++] ?? step;
    return parent?.kind === "list" ? Number(key) : key;
  });
}

/** Whether something on the way is required and not there: that is said already, and no rule expects it. */
function lacks(node: Node, value: Value, path: Path): boolean {
  let [here, at]: [Node | undefined, Value] = [node, value];
  for (const step of path) {
    if (at === null || isUnknown(at)) return false;
    const isRequired = here?.kind === "object" && here.attributes.get(String(step))?.required;
    here = childOf(here, String(step));
    at = valueAt(at, [step]);
    if (at === null && isRequired) return true;
  }
  return false;
}

function valueAt(value: Value, path: Path): Value {
  let at = value;
  for (const step of path) {
    if (isUnknown(at)) return at;
    at =
      typeof step === "number"
        ? ((at as readonly Value[] | null)?.[step] ?? null)
        : member(at, step);
  }
  return at;
}

/** What zod would make of the value; whatever is absent, unknown or invalid is undefined. */
function decoded(node: Node, value: Value): unknown {
  if (value === null || isUnknown(value)) return undefined;
  if (node.kind === "object") {
    const result: Record<string, unknown> = {};
    for (const attribute of node.attributes.values())
      setDecoded(result, attribute, member(value, attribute.name));
    return result;
  }
  const whole = node.schema._zod.def.type === "pipe" || !("element" in node);
  if (whole) return isWhollyKnown(value) ? decode(node.schema, node, value)?.output : undefined;
  if (isMembers(value)) {
    const result = Object.create(null) as Record<string, unknown>;
    for (const [key, element] of Object.entries(value)) {
      const output = decoded(node.element, element);
      if (output !== undefined) result[key] = output;
    }
    return result;
  }
  const elements = (value as readonly Value[]).map((element) => decoded(node.element, element));
  return node.kind === "set" ? new Set(elements) : elements;
}

function setDecoded(result: Record<string, unknown>, attribute: Attribute, value: Value): void {
  const output = decoded(attribute.node, value);
  if (output !== undefined) result[attribute.name] = output;
}
