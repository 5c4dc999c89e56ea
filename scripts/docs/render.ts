/** The reference pages, from the schemas: what they say is what the provider does. */
import type { Attribute, Node } from "../../provider/src/sdk/schema/attribute.ts";
import { nestedObject } from "../../provider/src/sdk/schema/attribute.ts";
import { deriveSchema } from "../../provider/src/sdk/schema/derive.ts";
import type { z } from "zod";

/** What a page is about. */
export interface Page {
  readonly kind: "provider" | "resource" | "data source";
  readonly type: string;
  readonly description: string;
  readonly schema: z.ZodObject;
  /** A whole configuration, in HCL. */
  readonly example: string;
  /** Markdown written by hand, below the description. */
  readonly notes?: string;
}

const takesEffect = {
  live: "",
  restart: " Takes effect at the next boot.",
  replace: " **A change makes a new object.**",
} as const;

/** One page in the layout of the Terraform registry. */
export function renderPage(page: Page): string {
  const root = deriveSchema(page.schema);
  const nested: string[] = [];
  const title = page.kind === "provider" ? `${page.type} provider` : `${page.type} (${page.kind})`;
  const sections = groups([...root.attributes.values()], page.type, "live", nested);
  const parts = [
    `---\npage_title: "${title}"\nsubcategory: ""\ndescription: |-\n  ${page.description}\n---`,
    `# ${title}`,
    page.description,
    page.notes ?? "",
    `## Example\n\n\`\`\`terraform\n${page.example.trim()}\n\`\`\``,
    `## Schema`,
    ...sections,
    ...nested,
    page.kind === "resource" ? importSection(page.type) : "",
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function groups(
  attributes: readonly Attribute[],
  path: string,
  inherited: keyof typeof takesEffect,
  nested: string[],
): string[] {
  const group = (title: string, members: readonly Attribute[]): string => {
    if (members.length === 0) return "";
    const lines = members.map((attribute) => attributeLine(attribute, path, inherited, nested));
    return `### ${title}\n\n${lines.join("\n")}`;
  };
  return [
    group(
      "Required",
      attributes.filter(({ required }) => required),
    ),
    group(
      "Optional",
      attributes.filter(({ optional }) => optional),
    ),
    group(
      "Read-only",
      attributes.filter(({ required, optional }) => !required && !optional),
    ),
  ];
}

function attributeLine(
  attribute: Attribute,
  path: string,
  inherited: keyof typeof takesEffect,
  nested: string[],
): string {
  const update = attribute.update ?? inherited;
  const configurable = attribute.required || attribute.optional;
  const notes = [
    attribute.description,
    configurable && !nestedObject(attribute.node) ? takesEffect[update].trim() : "",
    attribute.default === undefined ? "" : defaultNote(attribute),
  ];
  const inner = nestedObject(attribute.node);
  const anchor = `nested--${path.replaceAll(".", "--")}--${attribute.name}`;
  if (inner) {
    nested.push(nestedSection(attribute, `${path}.${attribute.name}`, anchor, update));
    notes.push(`See [below](#${anchor}).`);
  }
  const sensitive = attribute.sensitive ? ", sensitive" : "";
  return `- \`${attribute.name}\` (${typeName(attribute.node)}${sensitive}) ${notes.filter((note) => note !== "").join(" ")}`;
}

function nestedSection(
  attribute: Attribute,
  path: string,
  anchor: string,
  update: keyof typeof takesEffect,
): string {
  const inner: string[] = [];
  const object = nestedObject(attribute.node)!;
  const name = path.split(".").slice(1).join(".");
  const lines = groups([...object.attributes.values()], path, update, inner).filter(
    (part) => part !== "",
  );
  const text = [
    `<a id="${anchor}"></a>\n### Nested: \`${name}\``,
    ...lines.map((line) => line.replace("### ", "#### ")),
    ...inner,
  ];
  return text.join("\n\n");
}

function defaultNote({ default: value }: Attribute): string {
  const simple =
    typeof value === "number" || typeof value === "bigint" || typeof value === "boolean";
  if (!simple && (typeof value !== "string" || value === "")) return "";
  return `Default \`${value}\`.`;
}

function typeName(node: Node): string {
  const inner = nestedObject(node);
  switch (node.kind) {
    case "object":
      return "object";
    case "list":
    case "set":
    case "map":
      return inner ? `${node.kind} of objects` : `${node.kind} of ${typeName(node.element)}s`;
    case "bool":
      return "boolean";
    default:
      return node.kind;
  }
}

function importSection(type: string): string {
  return `## Import

By the id, which is looked for on all hosts, or by \`HOST/NAME\`; where the provider has one host, the name alone will do.

\`\`\`shell
terraform import ${type}.example rack1/web
\`\`\`

\`\`\`terraform
import {
  to = ${type}.example
  id = "rack1/web"
}
\`\`\``;
}
