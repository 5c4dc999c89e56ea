/** The names that users of the bindings depend on. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { packageDirectory } from "./bindings.ts";
import type { LibraryName } from "./libraries.ts";

/** All exported classes and types of a library's package, a line each, such as `vm: interface VmConfig`. */
export async function classNames(library: LibraryName): Promise<string> {
  const lib = join(packageDirectory(library), "lib");
  const files = await readdir(lib, { recursive: true });
  const names: string[] = [];
  for (const file of files.filter((name) => name.endsWith(".d.ts"))) {
    const text = await readFile(join(lib, file), "utf8");
    const [folder] = file.split("/");
    for (const [, kind, name] of text.matchAll(exported)) names.push(`${folder}: ${kind} ${name}`);
  }
  return `${names.toSorted().join("\n")}\n`;
}

const exported = /^export (?:declare )?(?:abstract )?(class|interface|type|enum) (\w+)/gmu;
