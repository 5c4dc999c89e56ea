/** Regenerates everything under `schemas/src/gen` from the protobuf files; `--check` compares instead of writing. */
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const generated = "schemas/src/gen";

if (process.argv.includes("--check")) {
  process.exitCode = check() ? 0 : 1;
} else {
  process.exitCode = generate(root) ? 0 : 1;
}

/** Says which files differ from what would be generated. */
function check(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "lodge-generate-"));
  try {
    if (!generate(directory)) return false;
    const [expected, actual] = [contents(directory), contents(root)];
    const names = [...new Set([...expected.keys(), ...actual.keys()])].toSorted();
    const stale = names.filter((name) => expected.get(name) !== actual.get(name));
    for (const name of stale) console.error(`${join(generated, name)} is not what its .proto says`);
    if (stale.length > 0) console.error('Run "npm run generate".');
    return stale.length === 0;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs buf, which puts its output below `output` where the configuration says. */
function generate(output: string): boolean {
  const { status, error } = spawnSync("buf", ["generate", "--output", output], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH: `${join(root, "node_modules", ".bin")}:${process.env["PATH"]}` },
  });
  if (error) console.error(`buf cannot be run (${error.message}); "npm ci" installs it`);
  return status === 0;
}

function contents(directory: string): Map<string, string> {
  const base = join(directory, generated);
  const names = globSync("**/*.ts", { cwd: base });
  return new Map(names.map((name) => [name, readFileSync(join(base, name), "utf8")]));
}
