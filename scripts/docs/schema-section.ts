/** Every attribute of a schema, from the schema: what the pages say is what the provider does. */
import {
  nestedObject,
  type Attribute,
  type ObjectNode,
} from "../../provider/src/sdk/schema/attribute.ts";
import { effectOf, legend, type Effect } from "./effect.ts";
import { limitsOf } from "./limits.ts";
import { typeName } from "./type-name.ts";

/** What is said of a schema beside its attributes. */
export interface SchemaOptions {
  /** Whether changes of its objects are planned, so that each attribute has an effect. */
  readonly changes: boolean;
}

interface Surroundings extends SchemaOptions {
  /** Names of the attributes around this object. */
  readonly path: readonly string[];
  readonly inherited: Effect;
  /** Filled with the sections of nested objects, in the order in which they are mentioned. */
  readonly nested: string[];
  /** Filled with the effects that are named. */
  readonly used: Set<Effect>;
}

/** The section "Schema" of a page. */
export function schemaSection(root: ObjectNode, options: SchemaOptions): string {
  const nested: string[] = [];
  const used = new Set<Effect>();
  const around = { ...options, path: [], inherited: "live", nested, used } as const;
  const groups = groupsOf(root, around);
  return ["## Schema", legend(used), ...groups, ...nested]
    .filter((part) => part !== "")
    .join("\n\n");
}

function groupsOf(object: ObjectNode, around: Surroundings): string[] {
  const all = [...object.attributes.values()];
  const level = around.path.length === 0 ? "###" : "####";
  const group = (title: string, isIn: (attribute: Attribute) => boolean): string => {
    const lines = all.filter(isIn).map((attribute) => line(attribute, around));
    return lines.length === 0 ? "" : `${level} ${title}\n\n${lines.join("\n")}`;
  };
  return [
    group("Required", ({ required }) => required),
    group("Optional", ({ optional }) => optional),
    group("Read-only", (attribute) => !isConfigurable(attribute)),
  ].filter((text) => text !== "");
}

function isConfigurable({ required, optional }: Attribute): boolean {
  return required || optional;
}

function line(attribute: Attribute, around: Surroundings): string {
  const { name, node, description } = attribute;
  const effect = effectOf(attribute, around.inherited, around.path.length);
  const tags = [typeName(node), ...tagsOf(attribute)];
  if (around.changes && isConfigurable(attribute)) {
    around.used.add(effect);
    tags.push(`**${effect}**`);
  }
  const said = [description, ...(isConfigurable(attribute) ? limitsOf(node, description) : [])];
  if (attribute.deprecated !== "") said.unshift(`**Deprecated:** ${attribute.deprecated}`);
  if (nestedObject(node)) {
    const path = [...around.path, name];
    around.nested.push(nestedSection(nestedObject(node)!, { ...around, path, inherited: effect }));
    said.push(`See [below](#${anchor(path)}).`);
  }
  return `- \`${name}\` (${tags.join(", ")}) ${said.filter((text) => text !== "").join(" ")}`;
}

function tagsOf(attribute: Attribute): string[] {
  const { optional, decided, sensitive, writeOnly } = attribute;
  const preset = defaultOf(attribute);
  return [
    ...(optional && decided ? ["computed where it is left out"] : []),
    ...(sensitive ? ["sensitive"] : []),
    ...(writeOnly ? ["write-only"] : []),
    ...(preset === undefined ? [] : [`default ${preset}`]),
  ];
}

/** A default in words; nothing where the description has a better word for it. */
function defaultOf({ default: value, description }: Attribute): string | undefined {
  if (value === undefined || value === null || description.includes("Default")) return undefined;
  if (typeof value === "object") return "none";
  return value === "" ? undefined : `\`${String(value)}\``;
}

function anchor(path: readonly string[]): string {
  return `nestedatt--${path.join("--")}`;
}

function nestedSection(object: ObjectNode, around: Surroundings): string {
  const { path } = around;
  const inner: string[] = [];
  const heading = `<a id="${anchor(path)}"></a>\n\n### Nested: \`${path.join(".")}\``;
  return [heading, ...groupsOf(object, { ...around, nested: inner }), ...inner].join("\n\n");
}
