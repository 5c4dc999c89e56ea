import type { z } from "zod";

/**
 * What is wrong with a value, in words that follow its name: "must be at least 1". For what a schema says nothing about
 * itself; undefined leaves it to zod.
 */
export function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "too_small":
      return `must ${bound(issue.origin, "at least", issue.minimum)}`;
    case "too_big":
      return `must ${bound(issue.origin, "at most", issue.maximum)}`;
    case "invalid_value":
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(", ")}`;
    case "invalid_type":
      return issue.expected === "int" ? "must be a whole number" : undefined;
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    default:
      return undefined;
  }
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  const [verb, unit] =
    origin === "string"
      ? ["have", " character"]
      : origin === "array" || origin === "set" || origin === "map"
        ? ["have", " element"]
        : ["be", ""];
  const plural = unit === "" || Number(limit) === 1 ? "" : "s";
  return `${verb} ${relation} ${limit}${unit}${plural}`;
}
