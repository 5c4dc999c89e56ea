/** The example stacks under either library: the sources name CDKTF, and CDK Terrain takes the same with other imports. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../../scripts/lib/command.ts";
import { examples } from "./bindings.ts";
import { libraries, type LibraryName } from "./libraries.ts";

/** What a stack has become: the content of `cdk.tf.json`. */
export type Synthesized = Readonly<Record<string, unknown>> & {
  readonly terraform: { readonly backend?: unknown };
};

const tsc = join(examples, "..", "node_modules", ".bin", "tsc");

/** Where the sources of the app are, for this library. */
async function sources(library: LibraryName): Promise<string> {
  if (library === "cdktf") return examples;
  const directory = join(examples, "dist", `stacks-${library}`);
  await mkdir(join(directory, "stacks"), { recursive: true });
  const stacks = await readdir(join(examples, "stacks"));
  for (const name of ["main.ts", ...stacks.map((stack) => join("stacks", stack))]) {
    const text = port(await readFile(join(examples, name), "utf8"), library);
    await writeChanged(join(directory, name), text);
  }
  const config = { extends: "../../../tsconfig.json", include: ["main.ts", "stacks"] };
  await writeChanged(join(directory, "tsconfig.json"), JSON.stringify(config));
  return directory;
}

/** The same source for another library: all that differs is what is imported from where. */
function port(text: string, library: LibraryName): string {
  return text
    .replaceAll(` from "cdktf"`, ` from "${library}"`)
    .replaceAll(` from "${libraries.cdktf.package}/`, ` from "${libraries[library].package}/`);
}

/** Type-checks the stacks; throws with what the compiler says. */
export async function checkStacks(library: LibraryName): Promise<void> {
  await command(tsc, ["--project", await sources(library)]);
}

/** Runs the app as a user does. @returns what each stack has become, by its name. */
export async function synthesize(library: LibraryName): Promise<Record<string, Synthesized>> {
  const out = await mkdtemp(join(tmpdir(), "lodge-cdk-"));
  try {
    const { GUEST: _, ...env } = process.env;
    await runApp(join(await sources(library), "main.ts"), out, env);
    const names = (await readdir(join(out, "stacks"))).toSorted();
    const texts = names.map((name) => readFile(join(out, "stacks", name, "cdk.tf.json"), "utf8"));
    return Object.fromEntries(
      (await Promise.all(texts)).map((text, index) => [names[index]!, JSON.parse(text)]),
    );
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/**
 * Writes one stack, with other properties than the app's, into a directory: as `stacks/ID/cdk.tf.json`, and with its state
 * beside it.
 */
export async function synthesizeOne(
  library: LibraryName,
  { id, name, props = {} }: { readonly id: string; readonly name: string; readonly props?: object },
  directory: string,
): Promise<void> {
  const module = join(await sources(library), "stacks", `${id}.ts`);
  const lines = [
    `import { App } from ${JSON.stringify(library)};`,
    `import { ${name} } from ${JSON.stringify(module)};`,
    "const app = new App();",
    `new ${name}(app, ${JSON.stringify(id)}, ${JSON.stringify(props)});`,
    "app.synth();",
  ];
  await inProject(lines.join("\n"), (project) => runApp(join(project, "main.ts"), directory));
}

/** The same for an app that is one file, such as those in the docs; it is type-checked as well. */
export async function synthesizeApp(text: string, directory: string): Promise<void> {
  await inProject(text, async (project) => {
    await command(tsc, ["--project", project]);
    await runApp(join(project, "main.ts"), directory);
  });
}

/** Where packages are found as in a project that has installed them. */
async function inProject(text: string, use: (project: string) => Promise<void>): Promise<void> {
  const project = await mkdtemp(join(examples, "dist", ".app-"));
  try {
    const config = { extends: "../../../tsconfig.json", include: ["main.ts"] };
    await writeFile(join(project, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(project, "main.ts"), text);
    await use(project);
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}

/** Runs an app, a file, that writes its stacks into a directory. State files will be there too. */
async function runApp(
  file: string,
  directory: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  await command(process.execPath, [file], {
    cwd: directory,
    env: { ...env, CDKTF_OUTDIR: directory, CHECKPOINT_DISABLE: "1" },
  });
}

/** A stack without what says where and by what it was synthesized: to be kept, and compared. */
export function golden(stack: Synthesized): string {
  const kept = { ...stack, "//": undefined, terraform: { ...stack.terraform, backend: undefined } };
  return `${JSON.stringify(kept, undefined, 2)}\n`;
}

async function writeChanged(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => undefined)) !== text) await writeFile(path, text);
}
