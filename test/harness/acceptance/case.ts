/** The cases that the declared changes of a kind make. */
import { isDeepStrictEqual } from "node:util";
import { kinds, type KindName, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import { withoutNulls } from "./compare.ts";
import {
  at,
  type AcceptanceKind,
  type Action,
  type Change,
  type Place,
  type Values,
} from "./kind.ts";

/** A change at its place. */
export interface Case {
  readonly kind: KindName;
  readonly change: Change;
  readonly place: Place;
  readonly address: string;
  readonly title: string;
  /** Its configurations, one after another. */
  readonly rounds: readonly Values[];
}

/** The cases of a kind. */
export function casesOf(
  { kind, minimal, base = minimal, changes }: AcceptanceKind,
  place: (kind: string) => Place,
): Case[] {
  return changes.map((change) => {
    const here = place(kind);
    const over = (config: Values): Values => ({ name: here.name, ...at(base, here), ...config });
    const from = over(at(change.from ?? {}, here));
    const to = change.to.map((config) => over(at(config, here)));
    const address = `lodge_${kind}.${here.name}`;
    const what = [differing(from, to[0]!).join(", "), change.title].filter(Boolean).join(": ");
    const rounds = [from, ...to, ...(change.oneWay ? [] : [from])];
    return { kind, change, place: here, address, rounds, title: `${kind} ${what}` };
  });
}

/** Paths at which configurations differ, with `*` for the names of devices and subnets. */
export function differing(one: unknown, other: unknown, path = ""): string[] {
  if (isDeepStrictEqual(one, other)) return [];
  const [a, b] = [members(one), members(other)];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  if (names.length === 0) return [path];
  const isMap = ["disks", "nics", "subnets"].includes(path);
  const below = (name: string) => [path, isMap ? "*" : name].filter(Boolean).join(".");
  return [...new Set(names.flatMap((name) => differing(a[name], b[name], below(name))))];
}

function members(value: unknown): Values {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Values)
    : {};
}

/** What the plan must show of a round. */
export function actionOf(item: Case, round: number): Action {
  return (isBack(item, round) ? item.change.back : undefined) ?? item.change.action ?? "update";
}

/** Whether a round is that of the first configuration again. */
export function isBack({ change, rounds }: Case, round: number): boolean {
  return round === rounds.length - 1 && !change.oneWay;
}

/** Whether an object can be edited to the case's second configuration by others, and edited back. */
export function drifts({ change }: Case): boolean {
  const editable = (change.action ?? "update") === "update" && !change.oneWay;
  return editable && change.drift !== "nothing";
}

/** The wish that a configuration says, once everything in it is known. */
export function specOf<K extends KindName>(kind: K, values: Values): SpecOf<K> {
  const { spec } = kinds[kind];
  const own = Object.keys(spec.shape).map((name) => [name, withoutNulls(values[name])]);
  return spec.parse(Object.fromEntries(own)) as SpecOf<K>;
}
