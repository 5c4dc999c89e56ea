import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../scripts/build/bundle.ts";

function run(file: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(file, args, { cwd: root, encoding: "utf8" });
  return { status, output: stdout + stderr };
}

test("generated code is what the protobuf files say", () => {
  const script = join("scripts", "generate.ts");
  expect(run(process.execPath, script, "--check")).toEqual({ status: 0, output: "" });
});

test("the protobuf files keep the rules of their style", () => {
  expect(run(join("node_modules", ".bin", "buf"), "lint")).toEqual({ status: 0, output: "" });
});
