import { z } from "zod";
import type { ResourceIdentity } from "../../provider/src/sdk/identity.ts";

/**
 * The section "Import" of a resource's page: by name, by id and by identity, at the command line and in blocks.
 * It speaks of the resource in the page's `example`.
 */
export function importSection(
  type: string,
  identity: ResourceIdentity | undefined,
  example: string,
): string {
  const [, label = "example", body = ""] =
    new RegExp(`^resource "${type}" "(\\w+)" \\{([\\s\\S]*?)^\\}`, "mu").exec(example) ?? [];
  const [, name = label] = /^ {2}name +=\s"([^"]+)"/mu.exec(body) ?? [];
  const address = `${type}.${label}`;
  const id = "8f14e45f-ceea-467f-9b2c-0a1d5c6e7f80";
  const parts = [
    "## Import",
    "An object is named by its id, which is looked for on all hosts, or by `HOST/NAME`. Where the provider has one host, or a `default_host`, the name alone will do: it is looked for there.",
    block("shell", `terraform import ${address} rack1/${name}\nterraform import ${address} ${id}`),
    "In the configuration, since Terraform 1.5, by either:",
    block("terraform", `import {\n  to = ${address}\n  id = "rack1/${name}"\n}`),
  ];
  if (identity) {
    const lines = Object.entries(identity.schema.shape).map(([name, schema]) => {
      const { description = "" } = z.globalRegistry.get(schema as z.ZodType) ?? {};
      const optional = (schema as z.ZodType).safeParse(undefined).success ? "optional" : "required";
      return `- \`${name}\` (${optional}) ${description}`;
    });
    parts.push(
      "Since Terraform 1.12 also by identity, which never changes while the object exists:",
      block("terraform", `import {\n  to = ${address}\n  identity = {\n    id = "${id}"\n  }\n}`),
      lines.join("\n"),
    );
  }
  return parts.join("\n\n");
}

function block(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}
