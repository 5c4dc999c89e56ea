/** Builds the executables into `dist/`: the provider, `lodge`, and the provider that the SDK's own tests use. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./build/bundle.ts";
import { buildExecutable, type Executable } from "./build/executable.ts";

const executables: readonly Executable[] = [
  {
    name: "provider",
    entry: "provider/src/main.ts",
    executable: "terraform-provider-lodge",
    // Terraform starts it three times in every plan.
    snapshot: true,
  },
  {
    name: "agent",
    entry: "agent/src/main.ts",
    executable: "lodge",
    // A daemon that answers in milliseconds needs no large nursery: it would only stay resident.
    nodeFlags: ["--max-semi-space-size=1"],
  },
  {
    name: "memory",
    entry: "provider/src/sdk/testing/memory-main.ts",
    executable: "terraform-provider-memory",
    snapshot: true,
  },
];

const dist = join(root, "dist");
const begin = performance.now();
mkdirSync(dist, { recursive: true });
await Promise.all(
  executables.map(async (item) => {
    const { outputs } = await buildExecutable(item, dist);
    const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
    console.log(`dist/${item.executable}: ${Math.round(bytes / 1024)} KiB`);
  }),
);
console.log(`built in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
