/**
 * Makes the TypeScript of the bindings: `node generate.ts LIBRARY SCHEMA-DOCUMENT DIRECTORY VERSION`. A process of its
 * own, since both generators carry the same WebAssembly and cannot share one.
 */
import { readFile } from "node:fs/promises";
import type { LibraryName } from "./libraries.ts";
import type { SchemaDocument } from "./schema.ts";

/** What both generators export under the same names. */
interface Library {
  readonly TerraformProviderGenerator: new (
    code: CodeMaker,
    schema: object,
  ) => { generate(target: object): void };
  readonly Language: { readonly TYPESCRIPT: unknown };
  readonly TerraformProviderConstraint: new (constraint: object) => object;
  readonly ConstructsMakerProviderTarget: new (constraint: object, language: unknown) => object;
}
interface CodeMaker {
  save(directory: string): Promise<unknown>;
}

/**
 * The generators by their deep paths: the main entry of the one throws, since it wants jsii and does not bring it along.
 */
const load: Readonly<Record<LibraryName, () => Promise<Library>>> = {
  cdktf: async () =>
    merge(
      await import("@cdktf/provider-generator/lib/get/generator/provider-generator.js"),
      await import("@cdktf/commons"),
    ),
  cdktn: async () =>
    merge(
      await import("@cdktn/provider-generator/build/get/generator/provider-generator.js"),
      await import("@cdktn/commons"),
    ),
};

function merge(...modules: readonly { readonly default: object }[]): Library {
  return Object.assign({}, ...modules.map((module) => module.default)) as Library;
}

const [library, path, directory, version] = process.argv.slice(2) as [
  LibraryName,
  string,
  string,
  string,
];
const { TerraformProviderGenerator, ...made } = await load[library]();
const { CodeMaker } = (await import("codemaker")).default;

const document = JSON.parse(await readFile(path, "utf8")) as SchemaDocument;
const code = new CodeMaker();
// Stacks ask for any version that has what these bindings know of. Were the schema's own version told as well, they
// would ask for exactly that.
const [major, minor] = version.split(".");
const constraint = { name: "lodge", source: "lodge/lodge", version: `~> ${major}.${minor}` };
new TerraformProviderGenerator(code, document).generate(
  new made.ConstructsMakerProviderTarget(
    new made.TerraformProviderConstraint(constraint),
    made.Language.TYPESCRIPT,
  ),
);
await code.save(directory);
// The libraries start more than is of use here, and would wait for its end.
process.exit(0);
