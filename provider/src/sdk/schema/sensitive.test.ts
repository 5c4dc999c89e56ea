/** What is sensitive as a whole is so in all its parts. */
import { expect, test } from "vitest";
import * as z from "zod";
import { coreValue } from "../testing/core-value.ts";
import type { Members } from "../value/value.ts";
import { planProblems, resultProblems } from "./check.ts";
import { deriveSchema } from "./derive.ts";
import { validateConfig } from "./validate.ts";

const secret = { description: "A secret.", sensitive: true };
const part = z
  .string()
  .max(3, { error: (issue) => `must be short; ${issue.input as string} is not` })
  .meta({ description: "A part." });
const count = z
  .int()
  .max(9, { error: (issue) => `must be less; ${issue.input as number} is not` })
  .meta({ description: "A number." });
const inner = z.object({ part, count });
const node = deriveSchema(
  z.object({
    one: inner.meta(secret),
    list: z.array(inner).meta(secret),
    map: z.record(z.string(), inner).meta(secret),
    set: z.set(inner).meta(secret),
    plain: inner.meta({ description: "No secret." }),
  }),
);
const value = (text: string, number: number): Members => {
  const member = { part: text, count: number };
  const all = { one: member, list: [member], map: { key: member }, set: [member], plain: member };
  return coreValue(node.type, all) as Members;
};
const said = (
  problems: readonly { readonly path: readonly (string | number)[]; readonly message: string }[],
) => problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
const shown = (lines: readonly string[]) => lines.filter((line) => /hunter2|4711/u.test(line));

test("a configuration that is not valid shows nothing of it", () => {
  const lines = said(validateConfig(node, value("hunter2", 4711)));
  expect(lines).toHaveLength(10);
  expect(shown(lines).toSorted()).toEqual([
    "plain.count: must be less; 4711 is not",
    "plain.part: must be short; hunter2 is not",
  ]);
});

test("neither do a plan and a result that break the rules", () => {
  const [wish, fact] = [value("abc", 1), value("hunter2", 4711)];
  for (const lines of [
    said(planProblems(node, fact, null, wish)),
    said(planProblems(node, wish, null, fact)),
    said(resultProblems(node, fact, wish)),
    said(resultProblems(node, wish, fact)),
  ]) {
    expect(lines.length).toBeGreaterThanOrEqual(8);
    expect(shown(lines).every((line) => line.startsWith("plain."))).toBe(true);
    expect(shown(lines)).toHaveLength(2);
  }
});
