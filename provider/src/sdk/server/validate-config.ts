/** What all four Validate calls do. They run with unknown values, and more than once in a plan. */

import type { z } from "zod";
import type { Diagnostics } from "../diagnostic.ts";
import type { Rule } from "../rule.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import { toNative } from "../schema/native.ts";
import { brokenRules } from "../schema/rules.ts";
import { validateConfig } from "../schema/validate.ts";
import { formatPath } from "../value/path.ts";
import type { Value } from "../value/value.ts";

/** What is validated, apart from the schema. */
export interface Validated {
  readonly rules?: readonly Rule<z.output<z.ZodObject>>[];
  validate?(context: {
    readonly config: never;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
}

function sentence(path: string, message: string): string {
  const text = message.startsWith("must ")
    ? `The value of ${path} ${message}`
    : `${path}: ${message}`;
  return /[.!?]$/u.test(text) ? text : `${text}.`;
}

/** Reports everything that is wrong with the known parts of a configuration. */
export async function validateInto(
  diagnostics: Diagnostics,
  node: ObjectNode,
  config: Value,
  validated: Validated,
): Promise<void> {
  const invalid = validateConfig(node, config);
  for (const { path, message } of invalid) {
    const place = formatPath(path);
    diagnostics.error(`Invalid value for ${place}`, sentence(place, message), path);
  }
  for (const { path, message } of brokenRules(node, validated.rules ?? [], config, invalid)) {
    const place = formatPath(path);
    diagnostics.error(`Invalid combination at ${place}`, sentence(place, message), path);
  }
  // The author's own code expects values that the schema allows.
  if (invalid.length === 0)
    await validated.validate?.({ config: toNative(node, config) as never, diagnostics });
}
