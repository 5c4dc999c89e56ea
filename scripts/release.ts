/**
 * Makes what is published of this version: `npm run release -- [--architecture amd64] [--directory DIR]`. Without
 * `--architecture` for all of them, into `dist/release`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "./build/bundle.ts";
import { step, note } from "./lib/progress.ts";
import { architectures, type Architecture, nodeFor } from "./release/node.ts";
import { release } from "./release/release.ts";

const { values } = parseArgs({
  options: {
    architecture: { type: "string", multiple: true, default: Object.values(architectures) },
    directory: { type: "string", default: join(root, "dist", "release") },
  },
});

process.exitCode = await main();

async function main(): Promise<number> {
  const [wanted, absent]: [Architecture[], string[]] = [[], []];
  for (const name of values.architecture) {
    const architecture = architectureOf(name);
    if (architecture === undefined) {
      console.error(`--architecture is one of ${Object.values(architectures).join(", ")}.`);
      return 2;
    }
    try {
      await step(`Node for ${name}`, () => nodeFor(architecture, note));
      wanted.push(architecture);
    } catch (error) {
      absent.push(`linux_${name} is left out: ${(error as Error).message}`);
    }
  }
  if (wanted.length > 0)
    await step("Release", () =>
      release({ directory: values.directory, architectures: wanted, progress: note }),
    );
  for (const text of absent) console.error(text);
  return absent.length === 0 ? 0 : 1;
}

function architectureOf(name: string): Architecture | undefined {
  const names = Object.keys(architectures) as Architecture[];
  return names.find((architecture) => architectures[architecture] === name);
}
