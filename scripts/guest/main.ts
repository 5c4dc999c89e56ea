/** Builds the small guest: `node scripts/guest/main.ts [--refresh] [--kernel-package FILE]… [--busybox FILE] [--directory DIR]`. */
import { parseArgs } from "node:util";
import { buildGuest } from "./build.ts";
import { guestCommandLine } from "./command-line.ts";

const { values } = parseArgs({
  options: {
    directory: { type: "string" },
    "kernel-package": { type: "string", multiple: true },
    busybox: { type: "string" },
    refresh: { type: "boolean" },
  },
});

try {
  const guest = await buildGuest({
    ...(values.directory !== undefined && { directory: values.directory }),
    ...(values["kernel-package"] && { kernelPackages: values["kernel-package"] }),
    ...(values.busybox !== undefined && { busybox: values.busybox }),
    ...(values.refresh !== undefined && { refresh: values.refresh }),
    progress: (message) => process.stderr.write(`${message}\n`),
  });
  console.log(JSON.stringify({ ...guest, commandLine: guestCommandLine }, undefined, 2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
