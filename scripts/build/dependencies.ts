/** What an executable loads, from esbuild's own account of it: packages, and modules of Node. */
import { build, type Metafile } from "esbuild";
import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { root, withoutProtoLoader } from "./bundle.ts";

/** Something that is loaded as a whole: an executable, one of its roles, or its first moments. */
interface Part {
  readonly title: string;
  /** Source file, relative to the repository. */
  readonly entry: string;
  /** Leaves out what is imported only when it is needed. */
  readonly eager?: true;
}

/** @returns each golden file's path, relative to the repository, with the text that it must have. */
export async function dependencyFiles(): Promise<Map<string, string>> {
  const provider: Part[] = [
    { title: "the provider before its handshake", entry: "provider/src/main.ts", eager: true },
    { title: "the provider", entry: "provider/src/main.ts" },
  ];
  const roles = globSync("agent/src/role/*.ts", { cwd: root })
    .filter((path) => !path.endsWith(".test.ts"))
    .toSorted();
  const agent: Part[] = [
    { title: "lodge before its role is known", entry: "agent/src/main.ts", eager: true },
    { title: "lodge", entry: "agent/src/main.ts" },
    ...roles.map((entry) => ({ title: `the role ${basename(entry, ".ts")}`, entry })),
  ];
  return new Map([
    ["provider/dependencies.txt", await describe(provider)],
    ["agent/dependencies.txt", await describe(agent)],
  ]);
}

async function describe(parts: readonly Part[]): Promise<string> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...new Set(parts.map((part) => part.entry))],
    outdir: join(root, "dist"),
    write: false,
    metafile: true,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    plugins: [withoutProtoLoader],
    logLevel: "warning",
  });
  const sections = parts.map((part) => {
    const names = dependencies(metafile, part);
    return [`# ${part.title}`, ...names].join("\n");
  });
  return `${sections.join("\n\n")}\n`;
}

/** @returns packages by their names and modules of Node as `node:name`, sorted. */
function dependencies({ inputs }: Metafile, { entry, eager }: Part): string[] {
  const names = new Set<string>();
  const seen = new Set<string>();
  const waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    const name = packageName(path);
    if (name !== undefined) names.add(name);
    for (const imported of inputs[path]?.imports ?? []) {
      if (eager && imported.kind === "dynamic-import") continue;
      // The line that every bundle begins with.
      if (imported.path === "<runtime>") continue;
      if (imported.external) names.add(`node:${imported.path.replace(/^node:/u, "")}`);
      else waiting.push(imported.path);
    }
  }
  return [...names].toSorted();
}

function packageName(path: string): string | undefined {
  const inside = path.split("node_modules/").at(-1);
  if (inside === undefined || inside === path) return undefined;
  const parts = inside.split("/");
  return inside.startsWith("@") ? parts.slice(0, 2).join("/") : parts[0];
}
