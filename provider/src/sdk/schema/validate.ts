/** Checks a configuration as far as it is known. Missing required attributes are core's to report. */

import type { z } from "zod";
import { ValueError } from "../value/error.ts";
import type { Path } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isMembers, isWhollyKnown, member } from "../value/value.ts";
import type { CollectionNode, Node, ObjectNode } from "./attribute.ts";
import { withDefaults } from "./defaults.ts";
import { toNative } from "./native.ts";
import { wording } from "./wording.ts";

/** A configured value that is not valid. */
export interface Invalid {
  readonly path: Path;
  /** What is wrong with it; never shows the value of a sensitive attribute. */
  readonly message: string;
}

/** Everything that is wrong with the known parts of a configuration. */
export function validateConfig(node: ObjectNode, config: Value): Invalid[] {
  const found: Invalid[] = [];
  validateObject(node, config, [], false, found);
  return found;
}

/** Everything that is wrong with one value, such as an argument of a function. */
export function validateValue(node: Node, value: Value): Invalid[] {
  const found: Invalid[] = [];
  validate(node, value, [], false, found);
  return found;
}

function validateObject(
  node: ObjectNode,
  config: Value,
  path: Path,
  sensitive: boolean,
  found: Invalid[],
): void {
  for (const { name, node: inner, sensitive: secret } of node.attributes.values()) {
    validate(inner, member(config, name), [...path, name], sensitive || secret, found);
  }
}

function validate(
  node: Node,
  value: Value,
  path: Path,
  sensitive: boolean,
  found: Invalid[],
): void {
  if (value === null || isUnknown(value)) return;
  if (node.kind === "object") return validateObject(node, value, path, sensitive, found);
  if (!("element" in node)) return check(node, node.schema, value, path, sensitive, found);
  // Elements may be unknown, and may be wrong by themselves: each is looked at by itself.
  const before = found.length;
  if (node.kind === "map" && isMembers(value)) {
    for (const [key, element] of Object.entries(value)) {
      const at = [...path, key];
      const parsed = node.key?.safeParse(key);
      if (parsed?.success === false) report(parsed.error, at, key, sensitive, found, "the key ");
      validateElement(node.element, element, at, sensitive, found);
    }
  } else if (Array.isArray(value)) {
    for (const [index, element] of (value as readonly Value[]).entries()) {
      const at = node.kind === "set" ? path : [...path, index];
      validateElement(node.element, element, at, sensitive, found);
    }
  }
  if (found.length > before) return;
  if (node.kind === "set" && hasTwins(node, value)) {
    found.push({ path, message: "has elements that are the same once defaults are filled in" });
  }
  const whole = node.schema._zod.def.type === "pipe";
  if (whole && !isWhollyKnown(value)) return;
  check(node, whole ? node.schema : node.shallow, value, path, sensitive, found);
}

/** Core counts the elements of a set in configuration and plan, and the counts must agree. */
function hasTwins(node: CollectionNode, value: Value): boolean {
  const filled = withDefaults(node, value) as readonly Value[];
  return filled.length < (value as readonly Value[]).length;
}

function validateElement(
  node: Node,
  value: Value,
  path: Path,
  sensitive: boolean,
  found: Invalid[],
): void {
  if (value === null) found.push({ path, message: "must not be null" });
  else validate(node, value, path, sensitive, found);
}

function check(
  node: Node,
  schema: z.ZodType,
  value: Value,
  path: Path,
  sensitive: boolean,
  found: Invalid[],
): void {
  try {
    const native = toNative(node, value, { omitAbsent: true });
    const parsed = schema.safeParse(native, { error: wording });
    if (!parsed.success) report(parsed.error, path, native, sensitive, found);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    found.push({ path: [...path, ...error.path], message: error.problem });
  }
}

function report(
  error: z.ZodError,
  path: Path,
  native: unknown,
  sensitive: boolean,
  found: Invalid[],
  prefix = "",
): void {
  for (const { message } of error.issues) {
    const shown =
      typeof native === "object" || message.includes(`${native as string | number | boolean}`);
    found.push({
      path,
      message: sensitive && shown ? "the value is not valid" : `${prefix}${message}`,
    });
  }
}
