/** Rules whose breach makes bindings that do not compile, or that lose or corrupt what the user says. */
import { toCamelCase } from "codemaker";
import {
  renamedAttributes,
  renamedResources,
  reservedAtTop,
  reservedForObjects,
  reservedInside,
} from "./names.ts";
import type { Rule } from "./rule.ts";
import {
  allMembers,
  head,
  isWritable,
  nesting,
  owners,
  parts,
  place,
  type Members,
} from "./walk.ts";

/** The attributes and blocks of a place. */
const memberNames = ({ attributes, blocks }: Members): string[] => [
  ...Object.keys(attributes),
  ...Object.keys(blocks),
];

const nestedNames = ({ attributes, blocks }: Members): string[] => [
  ...Object.keys(attributes).filter((name) => attributes[name]!.nested_type),
  ...Object.keys(blocks),
];

const short = (type: string): string => type.replace(/^[a-z0-9]+_/u, "");

/** Rules 1 to 10. */
export const musts: readonly Rule[] = [
  {
    number: 1,
    title: "no dynamic type: its values arrive as something else",
    check: (schema) => [
      ...eachType(schema, (type) => parts(type).includes("dynamic")),
      ...Object.entries(schema.functions ?? {})
        .filter(([, { return_type, parameters = [], variadic_parameter: rest }]) =>
          [return_type, ...[...parameters, ...(rest ? [rest] : [])].map(({ type }) => type)]
            .flatMap(parts)
            .includes("dynamic"),
        )
        .map(([name]) => `function ${name}`),
    ],
  },
  {
    number: 2,
    title: "no blocks of the modes group and map, no nested attributes of the mode group",
    check: (schema) =>
      allMembers(schema).flatMap((members) => [
        ...Object.entries(members.blocks)
          .filter(([, { nesting_mode: mode }]) => mode === "group" || mode === "map")
          .map(([name]) => place(members, name)),
        ...Object.entries(members.attributes)
          .filter(([, { nested_type: nested }]) => nested?.nesting_mode === "group")
          .map(([name]) => place(members, name)),
      ]),
  },
  {
    number: 3,
    title: "no tuples, no object types with optional attributes",
    check: (schema) =>
      eachType(schema, (type) =>
        parts(type).some((part) => head(part) === "tuple" || (head(part) === "object" && part[2])),
      ),
  },
  {
    number: 4,
    title: "no collections of collections of objects that can be set, no map of maps of objects",
    check: (schema) =>
      eachType(schema, (type, writable) => {
        const { collections, element } = nesting(type);
        if (head(element) !== "object" || collections.length < 2) return false;
        return writable || collections.slice(0, 2).every((name) => name === "map");
      }),
  },
  {
    number: 5,
    title: "computed collections have two levels at most, and are no maps of maps",
    check: (schema) =>
      eachType(schema, (type, writable) => {
        const { collections } = nesting(type);
        const maps = collections[0] === "map" && collections[1] === "map";
        return !writable && (collections.length > 2 || maps);
      }),
  },
  {
    number: 6,
    title: "no name of a member that every resource has",
    check: (schema) =>
      allMembers(schema)
        .filter(({ path }) => path.length === 0)
        .flatMap((members) => named(members, memberNames(members), reservedAtTop)),
  },
  {
    number: 7,
    title: "no name of a member that every nested object has",
    check: (schema) =>
      allMembers(schema).flatMap((members) => [
        ...(members.path.length > 0 ? named(members, memberNames(members), reservedInside) : []),
        ...named(members, nestedNames(members), reservedForObjects),
      ]),
  },
  {
    number: 8,
    title: "no alias in the provider, no put_x beside a nested x, no reset beside input",
    check: (schema) =>
      allMembers(schema).flatMap((members) => {
        const names = memberNames(members);
        const puts = nestedNames(members).map((name) => `put_${name}`);
        return [
          ...(members.owner.kind === "provider" && members.path.length === 0
            ? named(members, names, new Set(["alias"]))
            : []),
          ...named(members, names, new Set(puts)),
          ...(names.includes("reset") && names.includes("input") ? [place(members, "reset")] : []),
        ];
      }),
  },
  {
    number: 9,
    title: "no two names that are one in camel case",
    check: (schema) =>
      allMembers(schema).flatMap((members) =>
        twice(memberNames(members), toCamelCase).map((name) => place(members, name)),
      ),
  },
  {
    number: 10,
    title: "no nested object whose class has the name of another class",
    check: (schema) => {
      // A resource's own class and its configuration; those of nested objects have the whole path in their names.
      const taken = owners(schema)
        .filter(({ kind }) => kind !== "provider")
        .flatMap(({ kind, name }) => {
          const own = kind === "resource" ? short(name) : `${kind.replace(" ", "_")}_${name}`;
          return [toCamelCase(own), toCamelCase(`${own}_config`)];
        });
      const nested = allMembers(schema).flatMap((members) => {
        const { kind, name } = members.owner;
        const own = kind === "resource" ? short(name) : `${kind.replace(" ", "_")}_${name}`;
        return nestedNames(members).map((last) => ({
          place: place(members, last),
          name: toCamelCase([own, ...members.path, last].join("_")),
        }));
      });
      const names = [...taken, ...nested.map(({ name }) => name)];
      return nested
        .filter(
          ({ name }) => name.endsWith("List") || names.filter((other) => other === name).length > 1,
        )
        .map((item) => item.place);
    },
  },
  {
    number: 11,
    title: "no name that the bindings change",
    check: (schema) => [
      ...allMembers(schema).flatMap((members) =>
        memberNames(members)
          .filter((name) => renamedAttributes.has(name) || name.startsWith("get_"))
          .map((name) => place(members, name)),
      ),
      ...owners(schema)
        .filter(({ kind, name }) => kind !== "provider" && renamedResources.has(short(name)))
        .map(({ name }) => name),
    ],
  },
];

/** The attributes of a type, not of objects with attributes of their own, that a condition holds for. */
export function eachType(
  schema: Parameters<Rule["check"]>[0],
  condition: (type: string | readonly unknown[], writable: boolean) => unknown,
): string[] {
  return allMembers(schema).flatMap((members) =>
    Object.entries(members.attributes)
      .filter(([, item]) => item.type !== undefined && condition(item.type, isWritable(item)))
      .map(([name]) => place(members, name)),
  );
}

function named(
  members: Members,
  names: readonly string[],
  forbidden: ReadonlySet<string>,
): string[] {
  return names.filter((name) => forbidden.has(name)).map((name) => place(members, name));
}

function twice(names: readonly string[], key: (name: string) => string): string[] {
  return names.filter(
    (name, index) => names.findIndex((other) => key(other) === key(name)) !== index,
  );
}
