/**
 * Writes the provider's encoded schemas, so that Terraform's first questions are answered without zod; `--check` compares instead.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { provider } from "../provider/src/provider.ts";
import {
  encodeIdentitySchemas,
  encodeProviderSchema,
} from "../provider/src/sdk/server/provider-schema.ts";

const path = join(import.meta.dirname, "..", "provider", "src", "gen", "provider-schema.ts");

/** The generated module: the encoded answers, base64. */
export function providerSchemaModule(): string {
  const asset = (name: string, answer: string, encoded: Uint8Array): string =>
    `/** The encoded answer of ${answer}. Made by \`npm run generate\`. */\nexport const ${name} = Buffer.from(\n  "${Buffer.from(encoded).toString("base64")}",\n  "base64",\n);\n`;
  return [
    asset("providerSchema", "GetProviderSchema", encodeProviderSchema(provider)),
    asset("identitySchemas", "GetResourceIdentitySchemas", encodeIdentitySchemas(provider)),
  ].join("\n");
}

if (import.meta.main) {
  const text = providerSchemaModule();
  if (!process.argv.includes("--check")) writeFileSync(path, text);
  else if (readFileSync(path, "utf8") !== text) {
    console.error("The provider's encoded schema is stale. Run npm run generate.");
    process.exitCode = 1;
  }
}
