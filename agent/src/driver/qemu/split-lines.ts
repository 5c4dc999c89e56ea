/**
 * @returns a function that takes chunks of a stream and calls `onLine` with each whole line, without its end; with
 * undefined, once and for all, where a line is longer than `max` bytes.
 */
export function splitLines(
  max: number,
  onLine: (line: string | undefined) => void,
): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let length = 0;
  return (chunk) => {
    let rest = chunk;
    for (;;) {
      const end = rest.indexOf(10);
      const piece = end === -1 ? rest : rest.subarray(0, end);
      length += piece.length;
      if (length > max) {
        length = Infinity;
        parts = [];
        onLine(undefined);
        return;
      }
      parts.push(piece);
      if (end === -1) return;
      const line = Buffer.concat(parts).toString();
      parts = [];
      length = 0;
      rest = rest.subarray(end + 1);
      if (line.trim() !== "") onLine(line);
    }
  };
}
