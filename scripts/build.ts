/** Builds the executables into `dist/`: the provider, `lodge`, and the provider that the SDK's own tests use. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build/bundle.ts";
import { buildExecutable } from "./build/executable.ts";
import { lodge, memoryProvider, provider } from "./build/executables.ts";

const dist = join(root, "dist");
const begin = performance.now();
mkdirSync(dist, { recursive: true });
await Promise.all(
  [provider, lodge, memoryProvider].map(async (item) => {
    const { outputs } = await buildExecutable(item, dist);
    const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
    console.log(`dist/${item.executable}: ${Math.round(bytes / 1024)} KiB`);
  }),
);
console.log(`built in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
