/**
 * Writes the provider's encoded schema, so that GetProviderSchema is answered without zod; `--check` compares instead.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { provider } from "../provider/src/provider.ts";
import { encodeProviderSchema } from "../provider/src/sdk/server/provider-schema.ts";

const path = join(import.meta.dirname, "..", "provider", "src", "gen", "provider-schema.ts");

/** The generated module: the encoded answer, base64. */
export function providerSchemaModule(): string {
  const encoded = Buffer.from(encodeProviderSchema(provider)).toString("base64");
  return `/** The encoded answer of GetProviderSchema. Made by \`npm run generate\`. */\nexport const providerSchema = Buffer.from(\n  "${encoded}",\n  "base64",\n);\n`;
}

if (import.meta.main) {
  const text = providerSchemaModule();
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error("The provider's encoded schema is stale. Run npm run generate.");
    process.exitCode = 1;
  }
}
