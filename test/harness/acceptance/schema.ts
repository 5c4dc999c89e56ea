/** The provider's schema as Terraform sees it. */
import type { Workspace } from "./workspace.ts";

interface Attribute {
  readonly nested_type?: {
    readonly nesting_mode: "single" | "map" | "list" | "set";
    readonly attributes: Attributes;
  };
  readonly required?: boolean;
  readonly optional?: boolean;
  readonly computed?: boolean;
  readonly write_only?: boolean;
}
type Attributes = Readonly<Record<string, Attribute>>;

/** The attributes of a resource, each with `*` for the keys of a map: `disks.*.size`. */
export interface ResourceSchema {
  /** What a configuration may say, innermost attributes only. */
  readonly configurable: readonly string[];
  /** What the provider says, outermost. */
  readonly computed: readonly string[];
  /** What may be left out, outermost. */
  readonly optional: readonly string[];
}

/** The schemas of all resources, by type. */
export async function resourceSchemas(
  workspace: Workspace,
): Promise<Readonly<Record<string, ResourceSchema>>> {
  const { stdout } = await workspace.run(["providers", "schema", "-json"]);
  const [provider] = Object.values(
    JSON.parse(stdout).provider_schemas as Record<
      string,
      { readonly resource_schemas: Record<string, { readonly block: { attributes: Attributes } }> }
    >,
  );
  return Object.fromEntries(
    Object.entries(provider!.resource_schemas).map(([type, { block }]) => [
      type,
      {
        configurable: configurable(block.attributes),
        computed: names(block.attributes, ({ computed }) => computed),
        optional: names(block.attributes, ({ optional }) => optional),
      },
    ]),
  );
}

function names(
  attributes: Attributes,
  which: (attribute: Attribute) => boolean | undefined,
): string[] {
  return Object.entries(attributes)
    .filter(([, attribute]) => which(attribute))
    .map(([name]) => name);
}

function configurable(attributes: Attributes): string[] {
  return Object.entries(attributes)
    .filter(([, { required, optional }]) => required || optional)
    .flatMap(([name, { nested_type: nested }]) =>
      nested
        ? configurable(nested.attributes).map((inner) =>
            [name, ...(nested.nesting_mode === "single" ? [] : ["*"]), inner].join("."),
          )
        : [name],
    );
}
