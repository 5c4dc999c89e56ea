/** Core's proposal for a new state: the configuration, and prior values where only the provider decides. */

import { valuesEqual } from "../value/equal.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { CoreAttribute, CoreNested } from "./core-schema.ts";

/** @param prior null for a create */
export function proposedNew(
  attributes: readonly CoreAttribute[],
  prior: Value,
  config: Value,
): Value {
  if (config === null || isUnknown(config)) return prior;
  return proposeObject(attributes, prior, config);
}

function proposeObject(attributes: readonly CoreAttribute[], prior: Value, config: Value): Members {
  return members(
    attributes.map((attribute): [string, Value] => {
      const { name } = attribute;
      return [name, proposeAttribute(attribute, member(prior, name), member(config, name))];
    }),
  );
}

function proposeAttribute(attribute: CoreAttribute, prior: Value, config: Value): Value {
  if (attribute.computed && config === null) {
    return cameFromConfig(attribute, prior) ? config : prior;
  }
  return attribute.nested === undefined ? config : proposeNested(attribute.nested, prior, config);
}

/** A prior value with something in it that cannot be computed was written by the user, who has now removed it. */
function cameFromConfig({ optional, nested }: CoreAttribute, prior: Value): boolean {
  return optional && nested !== undefined && hasConfigured(nested, prior);
}

function hasConfigured(nested: CoreNested, value: Value): boolean {
  return objectsOf(nested, value).some((object) =>
    nested.attributes.some((attribute) => {
      const inner = member(object, attribute.name);
      if (inner === null) return false;
      if (!attribute.computed) return true;
      return attribute.nested !== undefined && hasConfigured(attribute.nested, inner);
    }),
  );
}

function objectsOf(nested: CoreNested, value: Value): readonly Value[] {
  if (value === null || isUnknown(value)) return [];
  if (nested.nesting === "single") return [value];
  return Object.values(value as Members | readonly Value[]);
}

function proposeNested(nested: CoreNested, prior: Value, config: Value): Value {
  if (config === null || isUnknown(config)) return config;
  const propose = (before: Value, element: Value): Value =>
    element === null || isUnknown(element)
      ? element
      : proposeObject(nested.attributes, before, element);
  switch (nested.nesting) {
    case "single":
      return propose(prior, config);
    case "list":
      return (config as readonly Value[]).map((element, index) => {
        const before = Array.isArray(prior) ? ((prior as readonly Value[])[index] ?? null) : null;
        return before === null ? element : propose(before, element);
      });
    case "map":
      return members(
        Object.entries(config).map(([key, element]: [string, Value]): [string, Value] => [
          key,
          propose(member(prior, key), element),
        ]),
      );
    case "set": {
      const left = Array.isArray(prior) ? [...(prior as readonly Value[])] : [];
      return (config as readonly Value[]).map((element) => {
        const at = left.findIndex((before) => couldComeFrom(nested, before, element));
        const [before = null] = at < 0 ? [] : left.splice(at, 1);
        return propose(before, element);
      });
    }
  }
}

/** Whether a prior element of a set is that of the configuration with computed values added. */
function couldComeFrom(nested: CoreNested, prior: Value, config: Value): boolean {
  if (!isMembers(prior) || !isMembers(config)) return false;
  return nested.attributes.every((attribute) => {
    const [before, wish] = [member(prior, attribute.name), member(config, attribute.name)];
    if (valuesEqual(attribute.type, before, wish)) return true;
    if (attribute.nested?.nesting === "single")
      return couldComeFrom(attribute.nested, before, wish);
    return attribute.nested === undefined && attribute.computed && wish === null;
  });
}
