/** The licences of everything that an executable is made of, as they ask to be handed on. */
import type { Metafile } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../build/bundle.ts";
import { pinnedNode } from "../build/launcher.ts";

/** @returns one text: Node's own licence, then that of each package, by name. Throws where a package names none. */
export function notices({ inputs }: Pick<Metafile, "inputs">): string {
  const packages = new Set(Object.keys(inputs).flatMap((path) => packageDirectory(path) ?? []));
  const node = dirname(dirname(pinnedNode()));
  const sections = [
    `Node.js\n\n${licenceText(node)!}`,
    ...[...packages].toSorted().map((path) => describe(join(root, path))),
  ];
  const rule = "-".repeat(80);
  return `${sections.map((text) => text.trim()).join(`\n\n${rule}\n\n`)}\n`;
}

/** `node_modules/a/index.js` and `node_modules/a/node_modules/@b/c/d.js` lie in the package of the last name. */
function packageDirectory(path: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/u.exec(path)?.[0];
}

function describe(directory: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(directory, "package.json"), "utf8"),
  ) as { readonly name: string; readonly version: string; readonly license?: string };
  const text = licenceText(directory) ?? license;
  if (text === undefined) throw new Error(`${name} does not say under which licence it is`);
  return `${name} ${version} (${license ?? "see below"})\n\n${text}`;
}

function licenceText(directory: string): string | undefined {
  const names = readdirSync(directory).filter((name) =>
    /^(?:licen[cs]e|copying|notice)/iu.test(name),
  );
  if (names.length === 0) return undefined;
  return names.map((name) => readFileSync(join(directory, name), "utf8").trim()).join("\n\n");
}
