/** The executables that tests start, built from the sources as they are now. */
import { join } from "node:path";
import { root } from "../../scripts/build/bundle.ts";
import { buildExecutable as build, type Executable } from "../../scripts/build/executable.ts";

/** Where Terraform's `dev_overrides` finds what {@link buildExecutable} has made. */
export const dist = join(root, "dist");

/** Builds one executable into `dist/`, and returns its path. May run in several processes at once. */
export async function buildExecutable(item: Executable): Promise<string> {
  await build(item, dist);
  return join(dist, item.executable);
}

/** The provider of the SDK's own tests, whose backend is a file. */
export const memoryProvider = {
  name: "memory",
  entry: "provider/src/sdk/testing/memory-main.ts",
  executable: "terraform-provider-memory",
  snapshot: true,
} as const;

/** The smallest provider, which misbehaves as its argument asks. */
export const pluginFixture = {
  name: "fixture",
  entry: "provider/src/sdk/testing/plugin-fixture.ts",
  executable: "terraform-provider-fixture",
} as const;
