/**
 * What Terraform shall see as the plan of a change, before the resource itself has a say:
 *
 * 1. what core proposes: the configuration, and the prior values of computed attributes
 * 2. defaults where the configuration says nothing
 * 3. write-only attributes are null
 * 4. a value that only differs in its spelling from the prior one is the prior one
 * 5. if anything differs from the prior state now, or there is none: computed attributes that the
 *    configuration leaves open become unknown, but for stable ones, which keep their prior value
 *
 * Step 5 only on a difference: otherwise no plan would ever be empty.
 */

import { valuesEqual } from "../value/equal.ts";
import { isUnknown, unknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, member, members } from "../value/value.ts";
import type { Attribute, Node, ObjectNode } from "./attribute.ts";
import { nestedObject } from "./attribute.ts";
import { semanticallyEqual } from "./semantic.ts";

/** A change as Terraform proposes it. */
export interface ProposedChange {
  /** With defaults filled in: see `withDefaults`. */
  readonly config: Members;
  /** Null for a create. */
  readonly prior: Value;
  readonly proposed: Value;
}

/** Rebuilds nested objects, each with its counterparts: elements are matched by index or key. */
function descend(
  node: Node,
  value: Value,
  others: readonly Value[],
  each: (object: ObjectNode, value: Members, others: readonly Value[]) => Value,
): Value {
  if (value === null || isUnknown(value)) return value;
  if (node.kind === "object") return each(node, value as Members, others);
  const nested = nestedObject(node);
  if (nested === undefined) return value;
  if (isMembers(value)) {
    return members(
      Object.entries(value).map(([key, element]): [string, Value] => [
        key,
        isMembers(element)
          ? each(
              nested,
              element,
              others.map((other) => member(other, key)),
            )
          : element,
      ]),
    );
  }
  // The elements of a set cannot be told apart, so they have no counterpart.
  const at = (other: Value, index: number): Value =>
    node.kind === "list" && Array.isArray(other)
      ? ((other as readonly Value[])[index] ?? null)
      : null;
  return (value as readonly Value[]).map((element, index) =>
    isMembers(element)
      ? each(
          nested,
          element,
          others.map((other) => at(other, index)),
        )
      : element,
  );
}

function settle(object: ObjectNode, config: Members, [prior, proposed]: readonly Value[]): Members {
  return members(
    [...object.attributes.values()].map((attribute): [string, Value] => {
      const { name } = attribute;
      return [
        name,
        settleAttribute(
          attribute,
          member(config, name),
          member(prior, name),
          member(proposed, name),
        ),
      ];
    }),
  );
}

function settleAttribute(
  attribute: Attribute,
  config: Value,
  prior: Value,
  proposed: Value,
): Value {
  if (attribute.writeOnly) return null;
  if (config === null) return attribute.computed ? proposed : null;
  const value = descend(attribute.node, config, [prior, proposed], settle);
  return prior !== null && semanticallyEqual(attribute.node, value, prior) ? prior : value;
}

/** Steps 1 to 4. */
export function settlePlan(node: ObjectNode, change: ProposedChange): Members {
  return settle(node, change.config, [change.prior, change.proposed]);
}

function open(object: ObjectNode, planned: Members, [config, prior]: readonly Value[]): Members {
  return members(
    [...object.attributes.values()].map((attribute): [string, Value] => {
      const { name } = attribute;
      const value = member(planned, name);
      const wish = member(config, name);
      if (wish === null) {
        return [
          name,
          attribute.decided === undefined ? value : decide(attribute, value, prior ?? null),
        ];
      }
      return [name, descend(attribute.node, value, [wish, member(prior, name)], open)];
    }),
  );
}

/** A computed value that the configuration leaves open; `prior` is the object that it is part of. */
function decide(attribute: Attribute, planned: Value, prior: Value): Value {
  if (prior === null || attribute.decided === "volatile") return unknown;
  return planned === null && !attribute.nullable ? unknown : planned;
}

/** Step 5, for a plan that differs from the prior state. */
export function openPlan(node: ObjectNode, planned: Members, change: ProposedChange): Members {
  return open(node, planned, [change.config, change.prior]);
}

/** Whether a plan differs from the prior state, which is null for a create. */
export function isChange(node: ObjectNode, planned: Value, prior: Value): boolean {
  return prior === null || !valuesEqual(node.type, planned, prior);
}
