import { expect, test } from "vitest";
import { formatCrash } from "./crash.ts";

test.each([
  [new TypeError("x is\nnot y"), /^panic: TypeError: x is not y\n\nTypeError: x is\nnot y\n\s+at /],
  ["just text", /^panic: just text\n\n$/],
  [undefined, /^panic: undefined\n\n$/],
  [
    new Error("outer", { cause: new RangeError("inner") }),
    /^panic: Error: outer\n\n[^]*\ncaused by: RangeError: inner\n/,
  ],
])("%s", (thrown, text) => {
  expect(formatCrash(thrown)).toMatch(text);
});
