/**
 * What Terraform demands of plans and of results, checked here first, so that a provider's mistake
 * is named by the provider itself. Values of sensitive attributes are never shown.
 */

import { valueKey, valuesEqual } from "../value/equal.ts";
import type { Path } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, isWhollyKnown, member } from "../value/value.ts";
import type { Attribute, Node, ObjectNode } from "./attribute.ts";
import { nestedObject } from "./attribute.ts";

/** A mistake of the provider at a place. */
export interface Problem {
  readonly path: Path;
  readonly message: string;
}

const LONGEST = 200;

function show(node: Node, value: Value, sensitive: boolean): string {
  if (sensitive) return "a sensitive value";
  if (value === null) return "null";
  if (isUnknown(value)) return "an unknown value";
  const text = valueKey(node.type, value).replace(/^#/u, "");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

/** Where a plan breaks the rules. `config` is what the user wrote, without defaults. */
export function planProblems(
  node: ObjectNode,
  config: Value,
  prior: Value,
  planned: Value,
): Problem[] {
  const problems: Problem[] = [];
  planObject(node, config, prior, planned, [], false, problems);
  return problems;
}

function planObject(
  node: ObjectNode,
  config: Value,
  prior: Value,
  planned: Value,
  path: Path,
  sensitive: boolean,
  problems: Problem[],
): void {
  for (const [name, attribute] of node.attributes) {
    const [c, p, n] = [member(config, name), member(prior, name), member(planned, name)];
    planAttribute(attribute, c, p, n, [...path, name], sensitive, problems);
  }
}

function planAttribute(
  attribute: Attribute,
  config: Value,
  prior: Value,
  planned: Value,
  path: Path,
  inSecret: boolean,
  problems: Problem[],
): void {
  const { node } = attribute;
  const sensitive = inSecret || attribute.sensitive;
  if (valuesEqual(node.type, planned, config) && !attribute.writeOnly) return;
  if (prior !== null && config !== null && valuesEqual(node.type, planned, prior)) return;
  const fail = (message: string): void => void problems.push({ path, message });
  if (attribute.writeOnly) {
    if (planned !== null) fail("a write-only attribute must be null in the plan");
    return;
  }
  if (attribute.computed && (config === null || !attribute.optional)) return;
  if (config === null)
    return fail("only a computed attribute may be planned without being configured");
  const nested = nestedObject(node);
  if (nested === undefined || planned === null || isUnknown(planned) || isUnknown(config)) {
    const [was, wanted] = [show(node, planned, sensitive), show(node, config, sensitive)];
    return fail(`the plan says ${was}, but the configuration says ${wanted}`);
  }
  if (node.kind === "object")
    return planObject(nested, config, prior, planned, path, sensitive, problems);
  const [wanted, got] = [Object.keys(config), Object.keys(planned)];
  if (
    wanted.length !== got.length ||
    (node.kind === "map" && wanted.some((key) => !got.includes(key)))
  ) {
    return fail("the plan must have exactly the configured elements");
  }
  if (node.kind === "set") return;
  for (const key of got) {
    const [c, p, n] = [config, prior, planned].map((value) => elementAt(value, key));
    if (valuesEqual(nested.type, n!, c!)) continue;
    const step = node.kind === "list" ? Number(key) : key;
    planObject(nested, c!, p!, n!, [...path, step], sensitive, problems);
  }
}

function elementAt(value: Value, key: string): Value {
  if (Array.isArray(value)) return (value as readonly Value[])[Number(key)] ?? null;
  return member(value, key);
}

/** Where the result of an apply is not what was planned, or is not known. */
export function resultProblems(node: ObjectNode, planned: Members, actual: Members): Problem[] {
  const problems: Problem[] = [];
  for (const attribute of node.attributes.values()) {
    const { name, sensitive } = attribute;
    compare(
      attribute.node,
      member(planned, name),
      member(actual, name),
      [name],
      sensitive,
      problems,
    );
  }
  return problems;
}

function compare(
  node: Node,
  planned: Value,
  actual: Value,
  path: Path,
  sensitive: boolean,
  problems: Problem[],
): void {
  const fail = (message: string): void => void problems.push({ path, message });
  if (isUnknown(planned)) {
    if (!isWhollyKnown(actual)) fail("the value is still unknown after apply");
    return;
  }
  if (valuesEqual(node.type, planned, actual) && isWhollyKnown(actual)) return;
  const differs = (): void => {
    fail(
      `planned was ${show(node, planned, sensitive)}, but now it is ${show(node, actual, sensitive)}`,
    );
  };
  if (planned === null || actual === null || isUnknown(actual)) return differs();
  if (node.kind === "object") {
    for (const { name, node: inner, sensitive: secret } of node.attributes.values()) {
      const hidden = sensitive || secret;
      compare(
        inner,
        member(planned, name),
        member(actual, name),
        [...path, name],
        hidden,
        problems,
      );
    }
    return;
  }
  if (node.kind === "map" && isMembers(planned) && isMembers(actual)) {
    const keys = Object.keys(planned);
    if (
      keys.length !== Object.keys(actual).length ||
      keys.some((key) => !Object.hasOwn(actual, key))
    ) {
      return fail("the planned elements have changed");
    }
    for (const key of keys) {
      compare(node.element, planned[key]!, actual[key]!, [...path, key], sensitive, problems);
    }
    return;
  }
  if (node.kind === "list" && Array.isArray(planned) && Array.isArray(actual)) {
    if (planned.length !== actual.length) return fail("the number of planned elements has changed");
    for (const [index, element] of (planned as readonly Value[]).entries()) {
      compare(
        node.element,
        element,
        (actual as readonly Value[])[index]!,
        [...path, index],
        sensitive,
        problems,
      );
    }
    return;
  }
  if (node.kind === "set" && Array.isArray(planned) && Array.isArray(actual)) {
    return compareSets(node.element, planned, actual, path, sensitive, problems);
  }
  differs();
}

/** Elements have no identity: each must have a counterpart, and there may only be fewer. */
function compareSets(
  element: Node,
  planned: readonly Value[],
  actual: readonly Value[],
  path: Path,
  sensitive: boolean,
  problems: Problem[],
): void {
  const fits = (wish: Value, fact: Value): boolean => {
    const found: Problem[] = [];
    compare(element, wish, fact, path, sensitive, found);
    return found.length === 0;
  };
  const fail = (message: string): void => void problems.push({ path, message });
  if (!isWhollyKnown(actual)) return fail("the value is still unknown after apply");
  if (actual.length > planned.length) return fail("the set has grown beyond what was planned");
  if (!planned.every((wish) => actual.some((fact) => fits(wish, fact)))) {
    return fail("a planned element of the set is missing");
  }
  if (!actual.every((fact) => planned.some((wish) => fits(wish, fact)))) {
    fail("the set has an element that was not planned");
  }
}
