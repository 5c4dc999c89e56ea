/** What docs/promises.md says to be shown by a test is. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const rows = readFileSync(join(root, "docs", "promises.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d+ \|/u.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replaceAll(/^\| | \|$/gu, "")));

/** A call of test, it or describe up to its title; a table of `each` ends before it. Skipped ones are none. */
const called =
  /\b(?:test|it|describe)(?:\.(?:each|skipIf|runIf)\((?:(?!\b(?:test|it|describe)\b)[^])*?\)|\.(?:concurrent|sequential))*\(\s*"(?<title>[^"]+)"/gu;

/** What a case of a kind calls itself, for the tests that are made from it. */
const declared = /^\s*title: "(?<title>[^"]+)"/gmu;

/** The titles of the tests of a file, or of the cases that it declares. */
function titles(text: string): readonly string[] {
  const pattern = text.includes("= declare(") ? declared : called;
  return [...text.matchAll(pattern)].map(({ groups }) => groups!["title"]!);
}

/** A file of which part is not run shows nothing, whichever part that is. */
const skips = /\b(?:test|it|describe)(?:\.\w+)*\.(?:skip|todo|fails|only)\b/u;

test.each(rows)("%s. %s", (_, __, here, shown) => {
  const named = [...shown.matchAll(/`(?<path>[^`]+)`: "(?<title>[^"]+)"/gu)].map(
    ({ groups }) => groups as { path: string; title: string },
  );
  if (named.length === 0) expect(here).toMatch(/^(?:Cannot happen|Not promised yet): /u);
  const missing = named.filter(({ path, title }) => {
    const file = join(root, path);
    const text = existsSync(file) ? readFileSync(file, "utf8") : "";
    return skips.test(text) || !titles(text).includes(title);
  });
  expect(missing).toEqual([]);
});

test.each([
  ['test("it holds", () => {});', ["it holds"]],
  ['  it.skipIf(missing(this))("it holds", () => {});', ["it holds"]],
  ['describe.each([["a"], ["b)"]])(\n  "it holds",', ["it holds"]],
  ['// "it holds"\nexpect("it holds").toBe(test("another", () => {}));', ["another"]],
  ['test.each(rows)(title, () => {});\nexpect(it)("it holds");', []],
  ['test.skip("it holds", () => {});', []],
  ['export const disk = declare({ changes: [{\n  title: "it holds",', ["it holds"]],
])("of %s the titles are %j", (text, expected) => {
  expect(titles(text)).toEqual(expected);
});

test("none is left out", () => {
  expect(rows.map(([number]) => Number(number))).toEqual(
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
});
