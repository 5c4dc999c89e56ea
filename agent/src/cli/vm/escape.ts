/** What a person types at a console: bytes for the guest, and the two ways out. */

const ctrlBracket = 0x1d;
const tilde = "~".charCodeAt(0);
const dot = ".".charCodeAt(0);
const lineEnds = new Set([0x0a, 0x0d]);

/** How to leave a console, for people. */
export const escapeHelp = "~. on a new line, or Ctrl-], ends it; ~~ sends a ~";

/** Takes what is typed, bit by bit; made anew for each console. */
export class EscapeFilter {
  #atLineStart = true;
  #tilde = false;

  /** The bytes that are for the guest, and whether the person wants out. */
  feed(typed: Uint8Array): { readonly input: Uint8Array; readonly leave: boolean } {
    const input: number[] = [];
    for (const byte of typed) {
      if (byte === ctrlBracket || (this.#tilde && byte === dot)) {
        return { input: Uint8Array.from(input), leave: true };
      }
      if (this.#tilde) {
        this.#tilde = false;
        input.push(tilde);
        // The second of two is what stands for the one that was sent.
        if (byte === tilde) continue;
      } else if (byte === tilde && this.#atLineStart) {
        this.#tilde = true;
        this.#atLineStart = false;
        continue;
      }
      input.push(byte);
      this.#atLineStart = lineEnds.has(byte);
    }
    return { input: Uint8Array.from(input), leave: false };
  }
}
