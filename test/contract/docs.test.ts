/** The reference pages and the encoded schema say what the provider does, and the pages lead somewhere. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { pages } from "../../scripts/docs.ts";
import { providerSchemaModule } from "../../scripts/provider-schema.ts";

const root = join(import.meta.dirname, "..", "..");
const docs = join(root, "docs");

describe("generated from the schemas, and fresh", () => {
  test.each([...pages()])("docs/%s", (name, text) => {
    expect(readFileSync(join(docs, name), "utf8")).toBe(text);
    expect(text.length).toBeLessThan(50_000);
  });

  test("the provider's encoded schema", () => {
    const path = join(root, "provider", "src", "gen", "provider-schema.ts");
    expect(readFileSync(path, "utf8")).toBe(providerSchemaModule());
  });
});

const written = [
  join(root, "README.md"),
  join(root, "CHANGELOG.md"),
  ...readdirSync(docs, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(docs, name)),
];

test.each(written)("links of %s", (path) => {
  const links = [...readFileSync(path, "utf8").matchAll(/\]\((?!https?:|#)([^)#]+)/gu)].map(
    ([, link]) => link!,
  );
  expect(links.filter((link) => !existsSync(join(dirname(path), link)))).toEqual([]);
});

test("decisions are numbered without gaps", () => {
  const numbers = readdirSync(join(docs, "decisions")).map((name) => Number(name.slice(0, 4)));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
  expect(statSync(join(docs, "decisions")).isDirectory()).toBe(true);
});
