/** Makes a small guest to try the examples with, and prints the directory of its kernel and initial RAM disk. */
import { dirname } from "node:path";
import { buildGuest } from "../../scripts/guest/build.ts";

const guest = await buildGuest({ progress: (message) => process.stderr.write(`${message}\n`) });
console.log(dirname(guest.kernel));
