/**
 * `npm run cdk`: builds the bindings for both libraries, and writes what is kept of them: the names that they export, and
 * what the example stacks become. `--check` compares instead, and names what is stale.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { ensureBindings, examples } from "./bindings.ts";
import { classNames } from "./class-names.ts";
import { libraryNames } from "./libraries.ts";
import { golden, synthesize } from "./stacks.ts";

/** All files that are kept, by their paths. */
export async function keptFiles(): Promise<ReadonlyMap<string, string>> {
  await ensureBindings();
  const [names, stacks] = await Promise.all([
    Promise.all(libraryNames.map(classNames)),
    synthesize("cdktf"),
  ]);
  return new Map([
    ...libraryNames.map((library, index) => {
      return [join(examples, "names", `${library}.txt`), names[index]!] as const;
    }),
    ...Object.entries(stacks).map(([name, stack]) => {
      return [join(examples, "golden", `${name}.tf.json`), golden(stack)] as const;
    }),
  ]);
}

if (import.meta.main) {
  const stale: string[] = [];
  for (const [path, text] of await keptFiles()) {
    if ((await readFile(path, "utf8").catch(() => "")) === text) continue;
    stale.push(relative(process.cwd(), path));
    if (process.argv.includes("--check")) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  if (stale.length > 0 && process.argv.includes("--check")) {
    console.error(`Stale: ${stale.join(", ")}. Run npm run cdk, and look at what has changed.`);
    process.exitCode = 1;
  } else if (stale.length > 0) console.log(`Written: ${stale.join(", ")}.`);
}
