/** Writes the reference pages of `docs/`; `--check` compares instead and names the pages that are stale. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { provider } from "../provider/src/provider.ts";
import { renderPage } from "./docs/render.ts";

const docs = join(import.meta.dirname, "..", "docs");
const example = (...path: string[]): string =>
  readFileSync(join(docs, "examples", ...path, "main.tf"), "utf8");
const short = (type: string): string => type.replace(/^lodge_/u, "");

/** All pages by their paths below `docs/`. */
export function pages(): ReadonlyMap<string, string> {
  const index = renderPage({
    kind: "provider",
    type: "lodge",
    description: provider.description,
    schema: provider.schema,
    example: example("provider"),
  });
  return new Map([
    ["index.md", index],
    ...provider.resources.map(({ type, description, schema }) => {
      const page = {
        kind: "resource",
        type,
        description,
        schema,
        example: example("resources", short(type)),
      } as const;
      return [`resources/${short(type)}.md`, renderPage(page)] as const;
    }),
    ...provider.dataSources.map(({ type, description, schema }) => {
      const page = {
        kind: "data source",
        type,
        description,
        schema,
        example: example("data-sources", short(type)),
      } as const;
      return [`data-sources/${short(type)}.md`, renderPage(page)] as const;
    }),
  ]);
}

if (import.meta.main) {
  const stale: string[] = [];
  for (const [name, text] of pages()) {
    const path = join(docs, name);
    if (process.argv.includes("--check")) {
      if (readFileSync(path, "utf8") !== text) stale.push(name);
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  if (stale.length > 0) {
    console.error(`Stale: ${stale.join(", ")}. Run npm run generate.`);
    process.exitCode = 1;
  }
}
