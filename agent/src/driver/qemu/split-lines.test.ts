import fc from "fast-check";
import { expect, it } from "vitest";
import { splitLines } from "./split-lines.ts";

it("gives the same lines however the bytes are cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme" }).filter((text) => !/[\n\r]/.test(text))),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      (texts, cuts) => {
        const bytes = Buffer.from(texts.map((text) => `${text}\n`).join(""));
        const lines: (string | undefined)[] = [];
        const push = splitLines(1000, (line) => lines.push(line));
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const length = cuts[n % cuts.length]!;
          push(bytes.subarray(at, at + length));
          at += length;
        }
        expect(lines).toEqual(texts.filter((text) => text.trim() !== ""));
      },
    ),
  );
});

it("gives undefined for a line that is too long, as soon as it is", () => {
  const lines: (string | undefined)[] = [];
  const push = splitLines(4, (line) => lines.push(line));
  push(Buffer.from("1234\n12"));
  expect(lines).toEqual(["1234"]);
  push(Buffer.from("345"));
  expect(lines).toEqual(["1234", undefined]);
});
