/**
 * Builds the small guest of the guides, or finds it built, and prints the directory of its `vmlinux` and `initrd`:
 * `npm run -s guest [-- [--refresh] [--kernel-package FILE]… [--busybox FILE]]`.
 */
import { dirname } from "node:path";
import { parseArgs } from "node:util";
import { buildGuest } from "./guest/build.ts";
import { takeGuestOptions } from "./lib/guest-options.ts";

try {
  const args = takeGuestOptions(process.argv.slice(2), process.env);
  const { values } = parseArgs({ args, options: { refresh: { type: "boolean", default: false } } });
  const { kernel } = await buildGuest({
    refresh: values.refresh,
    progress: (message) => process.stderr.write(`${message}\n`),
  });
  console.log(dirname(kernel));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
