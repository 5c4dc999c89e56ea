/** Builds the bindings' packages into `dist/`: generated, compiled to CommonJS, and laid out to be published. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import {
  cp,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { command } from "../../scripts/lib/command.ts";
import { annotate } from "./annotate.ts";
import { libraries, libraryNames, type LibraryName } from "./libraries.ts";
import { packageJson, packageReadme } from "./package-files.ts";
import { readProviderSchema, schemaDocument } from "./schema.ts";

/** This workspace. */
export const examples = join(import.meta.dirname, "..");
const root = join(examples, "..");
const dist = join(examples, "dist");

/** Where the package of a library is. */
export const packageDirectory = (library: LibraryName): string =>
  join(dist, libraries[library].package);

/**
 * Makes the packages of all libraries, where they are not those of the present schema already, and lets the examples
 * find them as installed. May run in several processes at once.
 */
export async function ensureBindings(): Promise<void> {
  await mkdir(dist, { recursive: true });
  const stamp = await recipe();
  await Promise.all(
    libraryNames.map(async (library) => {
      if ((await stampOf(packageDirectory(library))) !== stamp) await build(library, stamp);
      await install(library);
    }),
  );
}

const stampName = ".stamp";

const stampOf = (directory: string): Promise<string> =>
  readFile(join(directory, stampName), "utf8").catch(() => "");

/** Changes with everything that the packages are made from. */
async function recipe(): Promise<string> {
  const hash = createHash("sha256").update(JSON.stringify(schemaDocument()));
  const scripts = (await readdir(import.meta.dirname)).filter((name) => name.endsWith(".ts"));
  for (const path of [
    ...scripts.toSorted().map((name) => join(import.meta.dirname, name)),
    join(root, "package.json"),
    join(examples, "package.json"),
  ])
    hash.update(await readFile(path));
  return hash.digest("hex");
}

async function build(library: LibraryName, stamp: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
  const work = await mkdtemp(join(dist, `.${library}-`));
  try {
    const made = join(work, "package");
    await generate(library, work, version);
    const source = join(work, "providers", "lodge");
    await cp(source, join(made, "src"), {
      recursive: true,
      filter: (path) => basename(path) !== "README.md",
    });
    await Promise.all([
      cp(join(root, "LICENSE"), join(made, "LICENSE")),
      writeFile(join(made, "README.md"), packageReadme(library)),
      writeFile(join(made, "package.json"), json(packageJson(library, version))),
      writeFile(join(made, "schema.json"), json(schemaDocument())),
      writeFile(join(made, "tsconfig.json"), json({ compilerOptions, include: ["src"] })),
      writeFile(join(made, stampName), stamp),
    ]);
    await command(join(root, "node_modules", ".bin", "tsc"), ["--project", made], { cwd: made });
    await publish(made, packageDirectory(library), stamp);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

const compilerOptions = {
  module: "node16",
  target: "es2022",
  lib: ["es2022"],
  types: ["node"],
  strict: true,
  declaration: true,
  skipLibCheck: true,
  rootDir: "src",
  outDir: "lib",
};

/** Runs the generator. It reports to nobody and needs no Terraform, though it would look for one. */
async function generate(library: LibraryName, directory: string, version: string): Promise<void> {
  const document = join(directory, "schema.json");
  await writeFile(document, JSON.stringify(schemaDocument(annotate(readProviderSchema()))));
  const script = join(import.meta.dirname, "generate.ts");
  await command(process.execPath, [script, library, document, directory, version], {
    env: {
      ...process.env,
      CHECKPOINT_DISABLE: "1",
      CI: "1",
      TERRAFORM_BINARY_NAME: join(directory, "no-terraform"),
    },
  });
}

/** Puts a package in its place; where another process was quicker, that one's stays. */
async function publish(made: string, place: string, stamp: string): Promise<void> {
  const old = `${made}-old`;
  if ((await stampOf(place)) === stamp) return;
  await rename(place, old).catch(missing);
  try {
    await rename(made, place);
  } catch (error) {
    if ((await stampOf(place)) !== stamp) throw error;
  }
}

/** Examples import the package by its name, as from a project that has installed it. */
async function install(library: LibraryName): Promise<void> {
  const place = join(examples, "node_modules", libraries[library].package);
  const target = join("..", "dist", libraries[library].package);
  if ((await readlink(place).catch(() => undefined)) === target) return;
  await mkdir(dirname(place), { recursive: true });
  await symlink(target, place).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST" || !existsSync(place)) throw error;
  });
}

function missing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

const json = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
