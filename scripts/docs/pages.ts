/** Every generated page of `docs/`: what is generated from the provider, in the places of what is written by hand. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { provider } from "../../provider/src/provider.ts";
import { deriveSchema } from "../../provider/src/sdk/schema/derive.ts";
import type { z } from "zod";
import { effectTables } from "./effect-tables.ts";
import { errorList } from "./error-list.ts";
import { functionSection } from "./function-section.ts";
import { importSection } from "./import-section.ts";
import { schemaSection } from "./schema-section.ts";
import { subcategoryOf } from "./subcategory.ts";
import { fill, frontMatter, type Parts } from "./template.ts";

export const docs = join(import.meta.dirname, "..", "..", "docs");

interface Page {
  /** Below `docs/`, without its ending; its template and its example have the same. */
  readonly name: string;
  readonly title: string;
  readonly heading: string;
  readonly description: string;
  readonly parts: Parts;
  /** Where there is no template. */
  readonly template?: string;
}

const standard = "{{ description }}\n\n{{ example }}\n\n{{ schema }}";

const queryNote =
  "It finds objects whether they are in a state or not. `list` blocks stand in a file whose name ends in `.tfquery.hcl`; `terraform query` shows what they find, and `terraform query -generate-config-out=found.tf` writes the configuration that imports it. Needs Terraform 1.14; tested with a client of the protocol, not with that version itself.";

const actionNote =
  "An action does something to what exists and leaves nothing in the state. It is run by `terraform apply -invoke=ADDRESS`, or before or after a change by `action_trigger`. Needs Terraform 1.14; tested with a client of the protocol, not with that version itself.";

function schemaPart(schema: z.ZodObject, changes: boolean): string {
  return schemaSection(deriveSchema(schema), { changes });
}

const index: Page = {
  name: "index",
  title: "lodge Provider",
  heading: "lodge Provider",
  description: provider.description,
  parts: { description: provider.description, schema: schemaPart(provider.schema, false) },
};

const resources = provider.resources.map(({ type, description, schema, identity }): Page => {
  const name = `resources/${short(type)}`;
  const imported = importSection(type, identity, exampleText(name) ?? "");
  return {
    name,
    title: `${type} Resource - lodge`,
    heading: `${type} (Resource)`,
    description,
    parts: { description, schema: schemaPart(schema, true), import: imported },
    template: `${standard}\n\n{{ import }}`,
  };
});

const dataSources = provider.dataSources.map(({ type, description, schema }): Page => ({
  name: `data-sources/${short(type)}`,
  title: `${type} Data Source - lodge`,
  heading: `${type} (Data Source)`,
  description,
  parts: { description, schema: schemaPart(schema, false) },
}));

const functions = (provider.functions ?? []).map((definition): Page => ({
  name: `functions/${definition.name}`,
  title: `${definition.name} function - lodge`,
  heading: `${definition.name} (Function)`,
  description: definition.summary,
  parts: { description: definition.description, signature: functionSection(definition) },
  template:
    "{{ description }}\n\nProvider functions need Terraform 1.8 or OpenTofu 1.7.\n\n{{ example }}\n\n{{ signature }}",
}));

const troubleshooting: Page = {
  name: "guides/troubleshooting",
  title: "Troubleshooting",
  heading: "Troubleshooting",
  description: "What each error means and what to do about it.",
  parts: { errors: errorList() },
};

const listResources = (provider.listResources ?? []).map(({ type, description, schema }): Page => ({
  name: `list-resources/${short(type)}`,
  title: `${type} List Resource - lodge`,
  heading: `${type} (List Resource)`,
  description,
  parts: { description, schema: schemaPart(schema, false) },
  template: `{{ description }}\n\n${queryNote}\n\n{{ example }}\n\n{{ schema }}`,
}));

const actions = (provider.actions ?? []).map(({ type, description, schema }): Page => ({
  name: `actions/${short(type)}`,
  title: `${type} Action - lodge`,
  heading: `${type} (Action)`,
  description,
  parts: { description, schema: schemaPart(schema, false) },
  template: `{{ description }}\n\n${actionNote}\n\n{{ example }}\n\n{{ schema }}`,
}));

const liveChanges: Page = {
  name: "guides/live-changes",
  title: "Live changes and restarts",
  heading: "Live changes and restarts",
  description: "What each changed attribute does to an object that exists.",
  parts: { effects: effectTables() },
};

/** The text of every generated page, by its path below `docs/`. */
export function pages(): ReadonlyMap<string, string> {
  const reference = [...resources, ...dataSources, ...functions, ...listResources, ...actions];
  const all = [index, ...reference, liveChanges, troubleshooting];
  return new Map(all.map((page) => [`${page.name}.md`, render(page)]));
}

function render({ name, title, heading, description, parts, template = standard }: Page): string {
  const path = join(docs, "templates", `${name}.md`);
  const written = existsSync(path) ? readFileSync(path, "utf8") : template;
  const example = (other: string): string => exampleSection(other === "" ? name : other);
  const body = fill(written, { ...parts, example });
  const guide = name.startsWith("guides/");
  const subcategory = guide ? "" : subcategoryOf(name);
  return `${frontMatter({ title, subcategory, description })}\n\n# ${heading}\n\n${body}`;
}

/** The configuration of that name in `docs/examples`; below a heading where it is the page's own. */
function exampleSection(name: string): string {
  const text = exampleText(name);
  return text === undefined ? "" : `## Example\n\n\`\`\`terraform\n${text.trim()}\n\`\`\``;
}

function exampleText(name: string): string | undefined {
  const directory = join(docs, "examples", name === "index" ? "provider" : name);
  const files = ["main.tf", "main.tfquery.hcl"].map((file) => join(directory, file));
  const path = files.find((file) => existsSync(file));
  return path === undefined ? undefined : readFileSync(path, "utf8");
}

function short(type: string): string {
  return type.replace(/^lodge_/u, "");
}
