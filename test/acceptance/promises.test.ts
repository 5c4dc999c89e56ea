/** What docs/promises.md says to be shown by a test is. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const rows = readFileSync(join(root, "docs", "promises.md"), "utf8")
  .split("\n")
  .filter((line) => /^\| \d+ \|/u.test(line))
  .map((line) => line.split(" | ").map((cell) => cell.replaceAll(/^\| | \|$/gu, "")));

test.each(rows)("%s. %s", (_, __, here, shown) => {
  const named = [...shown.matchAll(/`(?<path>[^`]+)`: "(?<title>[^"]+)"/gu)].map(
    ({ groups }) => groups as { path: string; title: string },
  );
  if (named.length === 0) expect(here).toMatch(/^(?:Cannot happen|Not promised yet): /u);
  const missing = named.filter(({ path, title }) => {
    const file = join(root, path);
    return !existsSync(file) || !readFileSync(file, "utf8").includes(title);
  });
  expect(missing).toEqual([]);
});

test("none is left out", () => {
  expect(rows.map(([number]) => Number(number))).toEqual(
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
});
