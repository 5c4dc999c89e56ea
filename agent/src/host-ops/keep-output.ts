/**
 * A program that may speak for ever, also while no agent runs, because a guest makes it: it writes to a pipe, and what
 * it said last is kept in two files of a fixed length. Nobody ever waits for room, a host whose memory holds the files
 * cannot be filled, and since the speaker would wait for ever for a pipe that nobody reads, the reader goes on whatever
 * happens to the programs that it needs.
 */

/**
 * The reader, with the pipe as its standard input. Arguments: the files' name, their length, this text, and a word
 * where it begins again.
 *
 * - A shell that cannot fork ends. It replaces itself then, for which no process is needed, and lets a line go before it
 *   tries again: there is no other way to wait without a process, and the speaker goes on meanwhile. A line may have no
 *   end, so its memory is limited.
 * - `head` takes from a pipe no more than it is to write; unbuffered, it writes that at once. One that was killed is
 *   started again and goes on in the same file.
 * - What there is no room for is let go, a piece at a time. That none comes is how the end is known: nobody has the pipe
 *   open for writing.
 */
const keeper = `
trap 'exec sh -c "$3" "$0" "$1" "$2" "$3" again' EXIT
ulimit -S -d 65536
end() { trap - EXIT; exit; }
[ -z "$4" ] || read -r lost || end
while :; do
  size=$(wc -c <"$1.log")
  if [ "\${size:-0}" -ge "$2" ]; then
    mv -f "$1.log" "$1.old" || true >"$1.log"
    size=0
  fi
  stdbuf --output=0 head --bytes=$(($2 - \${size:-0})) >>"$1.log"
  status=$?
  if [ $status -gt 128 ]; then
    sleep 0.2
  elif [ $status -gt 0 ] || ! [ "$(wc -c <"$1.log")" -ge "$2" ]; then
    case $(LC_ALL=C dd bs=65536 count=1 of=/dev/null 2>&1) in 0+0*) end ;; esac
  fi
done
`.trim();

/**
 * Shell functions. `keep PIPE NAME BYTES` reads a named pipe in the working directory into NAME.log, with what came
 * before in NAME.old, so many bytes each, until nobody has the pipe open for writing. The reader is in a session of its
 * own; the shell's descriptors 3 and 4 are the shell's alone.
 */
export const keepOutput = `
keeper='${keeper.replaceAll("'", String.raw`'\''`)}'
keep() {
  setsid sh -c "$keeper" lodge-keep "$2" "$3" "$keeper" <"$1" >/dev/null 2>&1 3>&- 4>&- &
}
`;
