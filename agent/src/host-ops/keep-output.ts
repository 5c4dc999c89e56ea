/**
 * Shell functions for a program that may speak for ever, also while no agent runs, because a guest makes it. It writes
 * to a pipe that leads to `split`, which begins a new file when one is full and keeps one old one: what was said last is
 * always there, nobody ever waits for room, and a host whose memory holds the files cannot be filled.
 *
 * `keep PIPE NAME BYTES` reads a named pipe in the working directory into NAME.log, with the one before in NAME.old,
 * so many bytes each, until nobody has the pipe open for writing. The shell's descriptors 3 and 4 are its own.
 */
export const keepOutput = `
keep() {
  setsid split --bytes="$3" --suffix-length=9 --numeric-suffixes --filter="mv -f $2.log $2.old 2>/dev/null; exec cat >$2.log" <"$1" >/dev/null 2>&1 3>&- 4>&- &
}
`;
