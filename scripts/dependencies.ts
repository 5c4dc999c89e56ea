/**
 * Writes the golden lists of what each executable loads: `provider/dependencies.txt` and `agent/dependencies.txt`. A test
 * compares them, so that a new dependency is something that a reviewer sees.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build/bundle.ts";
import { dependencyFiles } from "./build/dependencies.ts";

for (const [path, text] of await dependencyFiles()) {
  writeFileSync(join(root, path), text);
  console.log(path);
}
