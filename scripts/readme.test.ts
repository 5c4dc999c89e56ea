import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./build/bundle.ts";

const read = (path: string) => readFileSync(join(root, path), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** The lines of the README's shell blocks that begin with `npm ci`. */
const commands = [...read("README.md").matchAll(/^```shell\n(npm ci .*)\n```$/gmu)].map(
  (match) => match[1]!,
);

it("the README has two commands, which package.json knows", () => {
  expect(commands).toEqual(["npm ci && npm run quickstart", "npm ci && npm test"]);
  expect(scripts["quickstart"]).toBe("node scripts/quickstart.ts");
  expect(scripts["test"]).toBe("node scripts/test.ts");
  // What npm would run around them, nobody who reads the README knows of.
  for (const name of ["quickstart", "test", "install", "prepare"])
    for (const hook of [`pre${name}`, `post${name}`]) expect(scripts).not.toHaveProperty(hook);
});

it("tests run elsewhere as the README says", () => {
  const lines = read(".ci/run")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  expect(lines).toEqual(["set -eu", 'cd "$(dirname "$0")/.."', commands[1]]);
});

it("every npm script that the README names exists", () => {
  const named = [...read("README.md").matchAll(/npm run (?:-s )?([a-z:-]+)/gu)].map(
    (match) => match[1]!,
  );
  expect(named).toContain("quickstart");
  for (const name of named) expect(scripts).toHaveProperty([name]);
});
