import type { Item } from "@lodge/schemas/kind-client.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { parseDuration } from "@lodge/schemas/spec/duration.ts";
import { parseSize } from "@lodge/schemas/spec/size.ts";
import type { Values } from "./kind.ts";

/** What is to be, and what is: a test expects the one of the other. */
export interface Comparison {
  readonly expected: unknown;
  readonly found: unknown;
}

/** Several of them by name. */
export interface Together extends Comparison {
  readonly expected: Values;
  readonly found: Values;
}

/** Several of them as one. */
export function together(comparisons: Readonly<Record<string, Comparison>>): Together {
  const members = (side: keyof Comparison) =>
    Object.fromEntries(Object.entries(comparisons).map(([name, both]) => [name, both[side]]));
  return { expected: members("expected"), found: members("found") };
}

/** An object in the state beside what the agent says of it: wishes by their meaning, facts as they are. */
export function compare(
  kind: KindName,
  state: Values,
  item: Item<KindName> | undefined,
): Comparison {
  if (!item) return { expected: `${kind} ${String(state["name"])}`, found: undefined };
  const { spec, status } = kinds[kind];
  const wished = Object.keys(spec.shape);
  const wish = spec.parse(
    Object.fromEntries(wished.map((name) => [name, withoutNulls(state[name])])),
  );
  const [told, facts] = [item.spec, item.status] as [Values, Values];
  // What the wish leaves to the agent is a fact.
  const left = (name: string) => told[name] ?? facts[name] ?? facts[`${name}_bytes`];
  const shown = Object.keys(state).filter((name) => name in status.shape && !(name in spec.shape));
  const showing = Object.fromEntries(shown.map((name) => [name, withoutNulls(state[name])]));
  const wanted = Object.fromEntries(wished.map((name) => [name, left(name)]));
  return {
    expected: withoutNulls({ id: item.id, ...wanted, facts: sameMembers(facts, showing) }),
    found: withoutNulls({ id: state["id"], ...wish, facts: showing }),
  };
}

/** A value without members that are null. */
export function withoutNulls(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, member]) => [name, withoutNulls(member)] as const)
      .filter(([, member]) => member !== undefined),
  );
}

/** A value whatever its spelling: sizes and durations as numbers, and lists of what has a name as maps. */
export function meaning(value: unknown): unknown {
  if (typeof value === "string") return parseSize(value) ?? parseDuration(value) ?? value;
  if (typeof value !== "object" || value === null) return value;
  if (!Array.isArray(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [name, meaning(member)]),
    );
  const named = value.every((item) => typeof item === "object" && item !== null && "name" in item);
  if (!named) return value.map(meaning);
  return Object.fromEntries(
    (value as Values[]).map(({ name, ...members }) => [name, meaning(members)]),
  );
}

/** Of objects in lists, those members that the other value shows. */
function sameMembers(value: unknown, shown: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(shown))
    return value.map((item, index) => sameMembers(item, shown[index]));
  if (typeof value !== "object" || typeof shown !== "object" || !value || !shown) return value;
  const names = Object.keys(value).filter((name) => name in shown);
  return Object.fromEntries(
    names.map((name) => [name, sameMembers((value as Values)[name], (shown as Values)[name])]),
  );
}
