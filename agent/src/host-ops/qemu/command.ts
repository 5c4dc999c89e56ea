import { mayDropCapabilities } from "../capabilities.ts";
import { keepOutput } from "../keep-output.ts";

/** Bytes of what the guest printed that are kept for certain; up to twice that is on disk. */
const consoleBytes = 512 * 1024;
/** The same of QEMU's own words. */
const logBytes = 512 * 1024;

/**
 * A guest may print for ever, also while no agent runs, and can make QEMU complain for ever. So neither writes to a file,
 * but to a pipe whose end is kept. The shell holds both pipes open, so that their readers begin, and end when the process
 * does. It becomes QEMU itself: the process that is started is the one that is recorded. A crash leaves
 * no core file: it would hold the guest's memory, with all that is secret in there.
 */
const script = `
ulimit -c 0
mkfifo -m 600 console.in console.out qemu.err || exit
exec 3<>console.out 4<>qemu.err
${keepOutput}
keep console.out console ${consoleBytes}
keep qemu.err qemu ${logBytes}
exec "$@" >&4 2>&4 4>&-
`;

/** The command that starts QEMU in its directory: without capabilities, and never to get any. */
export function qemuCommand(
  program: string,
  args: readonly string[],
): readonly [string, readonly string[]] {
  const bare = mayDropCapabilities()
    ? ["--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"]
    : [];
  const shell = ["sh", "-c", script, "lodge-qemu"];
  return ["setpriv", ["--no-new-privs", ...bare, "--", ...shell, program, ...args]];
}
