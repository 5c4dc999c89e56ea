/** Rules whose breach makes bindings that work, but surprise. */
import { eachType } from "./must.ts";
import type { Rule } from "./rule.ts";
import { allMembers, head, isWritable, owners, parts, place } from "./walk.ts";

/** Objects with more names than this are torn apart into several files. */
const MAX_STRUCTS = 400;
/** Classes, interfaces and functions that one nested object becomes. */
const EXPORTS_PER_OBJECT = 6;

/** Rules 12 to 21 but 17, which no schema can keep: what a library writes wrong in HCL. */
export const shoulds: readonly Rule[] = [
  {
    number: 12,
    title: "nested attributes instead of object types, whose members all become optional",
    check: (schema) =>
      eachType(schema, (type) => parts(type).some((part) => head(part) === "object")),
  },
  {
    number: 13,
    title: "nested attributes instead of single blocks, which may become required",
    check: (schema) =>
      allMembers(schema).flatMap((members) =>
        Object.entries(members.blocks)
          .filter(([, { nesting_mode: mode }]) => mode === "single")
          .map(([name]) => place(members, name)),
      ),
  },
  {
    number: 14,
    title: "computed lists of objects instead of computed maps of objects, which cannot be read",
    check: (schema) =>
      allMembers(schema).flatMap((members) =>
        Object.entries(members.attributes)
          .filter(([, item]) => !isWritable(item) && item.nested_type?.nesting_mode === "map")
          .map(([name]) => place(members, name)),
      ),
  },
  {
    number: 15,
    title: "no sets of objects, whose elements have no place to be read at",
    check: (schema) =>
      allMembers(schema).flatMap((members) => [
        ...Object.entries(members.attributes)
          .filter(([, { nested_type: nested }]) => nested?.nesting_mode === "set")
          .map(([name]) => place(members, name)),
        ...Object.entries(members.blocks)
          .filter(([, { nesting_mode: mode }]) => mode === "set")
          .map(([name]) => place(members, name)),
      ]),
  },
  {
    number: 16,
    title: "a computed string id on each resource and on the data source of its name",
    check: (schema) =>
      owners(schema)
        .filter(
          ({ kind, name }) =>
            kind === "resource" ||
            (kind === "data source" && name in (schema.resource_schemas ?? {})),
        )
        .filter(({ schema: { block } }) => {
          const id = block.attributes?.["id"];
          return id?.type !== "string" || id.computed !== true;
        })
        .map(({ name }) => name),
  },
  {
    number: 18,
    title: "ids are strings: numbers beyond 2^53 are not exact",
    check: (schema) =>
      allMembers(schema).flatMap((members) =>
        Object.entries(members.attributes)
          .filter(([name, { type }]) => /(?:^|_)id$/u.test(name) && type !== "string")
          .map(([name]) => place(members, name)),
      ),
  },
  {
    number: 19,
    title: "a write-only x_wo has its x_wo_version, and an x for those who cannot use it",
    check: (schema) =>
      allMembers(schema).flatMap((members) =>
        Object.entries(members.attributes)
          .filter(([name, { write_only: writeOnly }]) => {
            if (writeOnly !== true) return false;
            const plain = name.replace(/_wo$/u, "");
            const { attributes } = members;
            return plain === name || !attributes[`${name}_version`] || !attributes[plain];
          })
          .map(([name]) => place(members, name)),
      ),
  },
  {
    number: 20,
    title: "the provider has a schema",
    check: ({ provider }) =>
      (provider as unknown) === undefined || provider.block === undefined ? ["provider"] : [],
  },
  {
    number: 21,
    title: "no resource with too many nested objects, none that looks like one around it",
    check: (schema) => {
      const all = allMembers(schema);
      const signature = (names: object): string => Object.keys(names).toSorted().join(",");
      const alike = all.filter(({ owner, path, attributes }) =>
        all.some(
          (other) =>
            other.owner === owner &&
            other.path.length < path.length &&
            other.path.every((name, index) => name === path[index]) &&
            signature(other.attributes) === signature(attributes),
        ),
      );
      const large = owners(schema).filter((owner) => {
        const objects = all.filter(
          (item) => item.owner.schema === owner.schema && item.path.length > 0,
        );
        return objects.length * EXPORTS_PER_OBJECT >= MAX_STRUCTS;
      });
      return [...alike.map((members) => place(members)), ...large.map(({ name }) => name)];
    },
  },
];
