/** The executables that tests start, built from the sources as they are now. */
import { join } from "node:path";
import { bundle, root, type Bundle } from "../../scripts/build/bundle.ts";
import { writeLauncher } from "../../scripts/build/launcher.ts";

/** Where Terraform's `dev_overrides` finds what {@link buildExecutable} has made. */
export const dist = join(root, "dist");

/** Builds one executable into `dist/`, and returns its path. May run in several processes at once. */
export async function buildExecutable(
  item: Bundle & { readonly executable: string },
): Promise<string> {
  await bundle(item, dist);
  const path = join(dist, item.executable);
  writeLauncher(path, join(dist, item.name, "main.js"));
  return path;
}

/** The provider of the SDK's own tests, whose backend is a file. */
export const memoryProvider = {
  name: "memory",
  entry: "provider/src/sdk/testing/memory-main.ts",
  executable: "terraform-provider-memory",
} as const;

/** The smallest provider, which misbehaves as its argument asks. */
export const pluginFixture = {
  name: "fixture",
  entry: "provider/src/sdk/testing/plugin-fixture.ts",
  executable: "terraform-provider-fixture",
} as const;
