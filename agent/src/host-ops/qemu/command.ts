import { mayDropCapabilities } from "../capabilities.ts";

/** Bytes of what the guest printed that are kept for certain; up to twice that is on disk. */
const consoleBytes = 512 * 1024;
/** The same of QEMU's own words. */
const logBytes = 512 * 1024;

/**
 * A guest may print for ever, also while no agent runs, and can make QEMU complain for ever. So neither writes to a file,
 * but to a pipe that leads to `split`, which begins a new file when one is full and keeps one old one: what was said last
 * is always there, and nobody ever waits for room. The shell holds both pipes open, so that their readers begin, and end
 * when the process does. It becomes QEMU itself: the process that is started is the one that is recorded. A crash leaves
 * no core file: it would hold the guest's memory, with all that is secret in there.
 */
const script = `
ulimit -c 0
mkfifo -m 600 console.in console.out qemu.err || exit
exec 3<>console.out 4<>qemu.err
keep() {
  split --bytes="$3" --suffix-length=9 --numeric-suffixes --filter="mv -f $2.log $2.old 2>/dev/null; exec cat >$2.log" <"$1" >/dev/null 2>&1 3>&- 4>&- &
}
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
