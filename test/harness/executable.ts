/** The executables that tests start, built from the sources as they are now. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../scripts/build/bundle.ts";
import { buildExecutable as build, type Executable } from "../../scripts/build/executable.ts";
import { selfContained } from "../../scripts/release/executable.ts";
import type { Architecture } from "../../scripts/release/node.ts";

/** Where Terraform's `dev_overrides` finds what {@link buildExecutable} has made. */
export const dist = join(root, "dist");

/** Builds one executable into `dist/`, and returns its path. May run in several processes at once. */
export async function buildExecutable(item: Executable): Promise<string> {
  await build(item, dist);
  return join(dist, item.executable);
}

/** Builds one executable as it is released, below `directory`, and returns its path. */
export async function releasedExecutable(item: Executable, directory: string): Promise<string> {
  const { image } = await selfContained(item, process.arch as Architecture, () => {});
  const path = join(directory, item.executable);
  writeFileSync(path, image, { mode: 0o755 });
  return path;
}

/** The smallest provider, which misbehaves as its argument asks. */
export const pluginFixture: Executable = {
  name: "fixture",
  entry: "provider/src/sdk/testing/plugin-fixture.ts",
  executable: "terraform-provider-fixture",
};
