/** What a value must be like, in words, from the checks of its zod schema: the refusals of the provider say the same. */
import type { z } from "zod";
import type { Node } from "../../provider/src/sdk/schema/attribute.ts";

/** The limits of a configurable attribute as sentences; what the description says already is left out. */
export function limitsOf(node: Node, description: string): string[] {
  switch (node.kind) {
    case "object":
      return [];
    case "list":
    case "set":
    case "map": {
      const own = checksOf(node.schema, unitsOf(node.kind));
      const keys = node.kind === "map" && node.key ? checksOf(node.key, "characters") : [];
      const elements = limitsOf(node.element, description);
      return [
        ...own,
        ...keys.map((text) => prefixed("keys", text)),
        ...elements.map((text) => prefixed("each", text)),
      ].map(sentence);
    }
    default:
      return leafLimits(node.schema, description).map(sentence);
  }
}

function unitsOf(kind: "list" | "set" | "map"): string {
  return kind === "map" ? "entries" : "elements";
}

function leafLimits(schema: z.core.$ZodType, description: string): string[] {
  const def = definition(schema);
  if (def.type === "enum") {
    const words = Object.values(def.entries).map((word) => `\`${word}\``);
    return words.every((word) => description.includes(word)) ? [] : [`one of ${list(words)}`];
  }
  // A codec's limits are those of what it decodes to.
  if (def.type === "pipe") return leafLimits(def.out, description);
  return checksOf(schema, def.type === "string" ? "characters" : "");
}

/** Each check in words, bounds together: "1 to 255". */
function checksOf(schema: z.core.$ZodType, units: string): string[] {
  const bounds: Bounds = {};
  const words: string[] = [];
  for (const check of definition(schema).checks ?? []) {
    const def = check._zod.def as unknown as CheckDefinition;
    if (def.check === "greater_than") bounds.min = def.value;
    else if (def.check === "less_than") bounds.max = def.value;
    else if (def.check === "min_length" || def.check === "min_size") bounds.min = def.minimum;
    else if (def.check === "max_length" || def.check === "max_size") bounds.max = def.maximum;
    else if (def.error) words.push(refusal(def.error));
  }
  return [...bound(bounds, units), ...words];
}

interface Bounds {
  min?: number | bigint | undefined;
  max?: number | bigint | undefined;
}

interface CheckDefinition {
  readonly check: string;
  readonly value?: number | bigint;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly error?: (issue: { input: unknown }) => unknown;
}

function definition(schema: z.core.$ZodType): z.core.$ZodTypes["_zod"]["def"] {
  return schema._zod.def as z.core.$ZodTypes["_zod"]["def"];
}

function bound({ min, max }: Bounds, units: string): string[] {
  const [low, high] = [min, max].map((value) => value?.toString());
  const of = (text: string, one: boolean): string =>
    units === "" ? text : `${text} ${one ? units.replace(/ies$/u, "y").replace(/s$/u, "") : units}`;
  if (low === undefined && high === undefined) return [];
  if (low === high) return [of(`exactly ${low}`, low === "1")];
  if (high === undefined) return [of(`at least ${low}`, low === "1")];
  if (low === undefined) return [of(`at most ${high}`, high === "1")];
  return [of(`${low} to ${high}`, false)];
}

/** The refusal of some value without that value: "must be between 1s and 24h". */
function refusal(error: NonNullable<CheckDefinition["error"]>): string {
  return String(error({ input: -1 })).split(";")[0]!;
}

function prefixed(what: string, text: string): string {
  const words = text.charAt(0).toLowerCase() + text.slice(1);
  return words.startsWith("must ") ? `${what} ${words}` : `${what}: ${words}`;
}

function list(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return begun.endsWith(".") ? begun : `${begun}.`;
}
