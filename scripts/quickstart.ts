/**
 * From a fresh machine to a VM that Terraform declares: `npm run quickstart`. It may be run again at any time, and
 * `npm run quickstart -- --destroy` removes everything but downloads and builds. Where apt is not, `-- --kernel-package
 * FILE` names the package that the guest's kernel comes from, and `--busybox FILE` a static busybox.
 */
import { parseArgs } from "node:util";
import { destroy } from "./quickstart/destroy.ts";
import { up } from "./quickstart/up.ts";
import { takeGuestOptions } from "./lib/guest-options.ts";
import { heading } from "./lib/progress.ts";

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (interrupted.signal.aborted) process.exit(130);
    interrupted.abort();
  });
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const args = takeGuestOptions(process.argv.slice(2), process.env);
    const { values } = parseArgs({ args, options: { destroy: { type: "boolean" } } });
    await (values.destroy ? destroy : up)(process.env, interrupted.signal);
    return 0;
  } catch (error) {
    if (interrupted.signal.aborted) {
      heading(
        "Interrupted. `npm run quickstart` goes on from here; with `-- --destroy` it removes everything.",
      );
      return 130;
    }
    console.error(`\n${(error as Error).message}`);
    console.error("\nWhen that is mended, `npm run quickstart` goes on from here.");
    return 1;
  }
}
