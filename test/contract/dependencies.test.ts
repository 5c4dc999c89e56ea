import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/build/bundle.ts";
import { dependencyFiles } from "../../scripts/build/dependencies.ts";

test("executables load what the golden lists say (node scripts/dependencies.ts writes them)", async () => {
  const actual = await dependencyFiles();
  const golden = [...actual.keys()].map((path) => [path, readFileSync(join(root, path), "utf8")]);
  expect(Object.fromEntries(actual)).toEqual(Object.fromEntries(golden));
});

test("Terraform waits for nothing but sockets and a key", () => {
  const text = readFileSync(join(root, "provider/dependencies.txt"), "utf8");
  const eager = text.split("\n\n").find((section) => section.startsWith("# the provider before"));
  const names = eager?.split("\n").slice(1) ?? [];
  expect(names.length).toBeGreaterThan(3);
  expect(names.filter((name) => !name.startsWith("node:"))).toEqual([]);
  for (const heavy of ["node:http2", "node:tls"]) expect(names).not.toContain(heavy);
});
