/** From what a handler returned to a state that Terraform accepts. */

import type { ObjectNode } from "../schema/attribute.ts";
import { fromNative, isPlainObject } from "../schema/native.ts";
import { withoutWriteOnly } from "../schema/write-only.ts";
import { keepSpelling } from "../schema/semantic.ts";
import type { Problem } from "../schema/check.ts";
import { ValueError } from "../value/error.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { Dynamic, isMembers, isWhollyKnown, member, members } from "../value/value.ts";

/** A state, and what is wrong with what the handler returned. */
export interface Outcome {
  readonly state: Members;
  readonly problems: readonly Problem[];
}

/**
 * Lays what a handler returned over a base, which stands for what it left out. What does not fit
 * the schema is a problem and the base's value stays, so that one mistake never loses an object.
 *
 * @throws Error when it is no object at all
 */
export function overlay(node: ObjectNode, base: Members, returned: unknown): Outcome {
  if (!isPlainObject(returned))
    throw new Error("The provider returned no state. This is a bug in it.");
  const problems: Problem[] = [];
  const given = returned;
  for (const name of Object.keys(given)) {
    if (!node.attributes.has(name))
      problems.push({ path: [name], message: "the schema has no such attribute" });
  }
  const state = members(
    [...node.attributes.values()].map((attribute): [string, Value] => {
      const { name } = attribute;
      const before = withoutWriteOnly(attribute.node, member(base, name));
      if (attribute.writeOnly) return [name, null];
      if (!Object.hasOwn(given, name) || given[name] === undefined) return [name, before];
      try {
        const value = fromNative(attribute.node, given[name], [name]);
        return [
          name,
          withoutWriteOnly(attribute.node, keepSpelling(attribute.node, value, before)),
        ];
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        problems.push({ path: error.path, message: error.problem });
        return [name, before];
      }
    }),
  );
  return { state, problems };
}

/** The attributes that are not wholly known, where a state must be. */
export function unknownProblems(state: Members): Problem[] {
  return Object.entries(state)
    .filter(([, value]) => !isWhollyKnown(value))
    .map(([name]) => ({
      path: [name],
      message: "the value is unknown, but a state must be known",
    }));
}

/** The same with null for everything unknown: a state may hold nothing else. */
export function withoutUnknowns<T extends Value>(value: T): T;
export function withoutUnknowns(value: Value): Value {
  if (isUnknown(value)) return null;
  if (value instanceof Dynamic) return new Dynamic(value.type, withoutUnknowns(value.value));
  if (Array.isArray(value))
    return (value as readonly Value[]).map((element) => withoutUnknowns(element));
  if (!isMembers(value)) return value;
  return members(
    Object.entries(value).map(([name, inner]): [string, Value] => [name, withoutUnknowns(inner)]),
  );
}

/** An object with every attribute null. */
export function emptyObject(node: ObjectNode): Members {
  return members([...node.attributes.keys()].map((name): [string, Value] => [name, null]));
}
