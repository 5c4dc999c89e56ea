/** What the small guest is made from where the distribution does not have it: options that scripts have in common. */
import { delimiter, resolve } from "node:path";
import { busyboxVariable, kernelPackagesVariable } from "../guest/build.ts";

/**
 * Takes `--kernel-package FILE` (any number) and `--busybox FILE` out of the arguments and names the files in `env`, where
 * everything that builds a guest finds them. @returns the other arguments. Throws where no file follows.
 */
export function takeGuestOptions(args: readonly string[], env: NodeJS.ProcessEnv): string[] {
  const rest: string[] = [];
  const [packages, busybox]: [string[], string[]] = [[], []];
  for (let index = 0; index < args.length; index++) {
    const match = /^--(kernel-package|busybox)(?:=(.*))?$/su.exec(args[index]!);
    if (!match) {
      rest.push(args[index]!);
      continue;
    }
    const file = match[2] ?? args[++index];
    if (!file) throw new Error(`--${match[1]} takes the path of a file.`);
    (match[1] === "busybox" ? busybox : packages).push(resolve(file));
  }
  if (packages.length > 0) env[kernelPackagesVariable] = packages.join(delimiter);
  if (busybox.length > 0) env[busyboxVariable] = busybox.at(-1);
  return rest;
}
