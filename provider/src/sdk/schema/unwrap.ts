/** What zod's wrappers say of the schema inside them. */

import * as z from "zod";
import type { Path } from "../value/path.ts";
import type { AttributeMeta } from "./meta.ts";
import { SchemaError } from "./schema-error.ts";

interface Unwrapped {
  /** The schema inside all wrappers; a codec counts as inside. */
  readonly schema: z.core.$ZodType;
  readonly optional: boolean;
  readonly nullable: boolean;
  /** The default as users would write it. */
  readonly default: { readonly value: unknown } | undefined;
  readonly meta: AttributeMeta;
}

type Definition = z.core.$ZodTypes["_zod"]["def"];

/** What zod says of a schema, told apart by its `type`. */
export const definition = (schema: z.core.$ZodType): Definition => schema._zod.def as Definition;

/** Leaves `optional`, `default` and the like behind, and remembers them. */
export function unwrap(outer: z.core.$ZodType, path: Path): Unwrapped {
  let schema = outer;
  let optional = false;
  let nonoptional = false;
  let nullable = false;
  let found: { readonly value: unknown } | undefined;
  let meta: AttributeMeta = {};
  for (;;) {
    meta = { ...(z.globalRegistry.get(schema) as AttributeMeta | undefined), ...meta };
    const def = definition(schema);
    switch (def.type) {
      case "optional":
        optional = !nonoptional;
        schema = def.innerType;
        break;
      case "nullable":
        nullable = true;
        schema = def.innerType;
        break;
      case "default":
        found ??= { value: encodeDefault(def.innerType, def.defaultValue, path) };
        schema = def.innerType;
        break;
      case "prefault":
        found ??= { value: def.defaultValue };
        schema = def.innerType;
        break;
      case "nonoptional":
        nonoptional = true;
        schema = def.innerType;
        break;
      case "readonly":
        schema = def.innerType;
        break;
      case "lazy":
        schema = def.getter();
        break;
      default:
        return { schema, optional, nullable, default: found, meta };
    }
  }
}

/** zod's defaults are decoded values; the user's side of them is what the plan needs. */
function encodeDefault(schema: z.core.$ZodType, value: unknown, path: Path): unknown {
  try {
    return z.encode(schema, value);
  } catch {
    throw new SchemaError(
      path,
      "the default cannot be encoded; use .prefault() with what users write",
    );
  }
}
