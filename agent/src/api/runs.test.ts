import { expect, test } from "vitest";
import { Runs } from "./runs.ts";

test("a run is at work while it has calls under way, and for a moment after the last", () => {
  let now = 10_000;
  const runs = new Runs(() => now);
  now += 5000;
  expect(runs.isAtWork("a")).toBe(false);
  const [one, other] = [runs.enter("a"), runs.enter("a")];
  now += 5000;
  one[Symbol.dispose]();
  now += 5000;
  expect(runs.isAtWork("a")).toBe(true);
  other[Symbol.dispose]();
  now += 999;
  expect([runs.isAtWork("a"), runs.isAtWork("b")]).toEqual([true, false]);
  now += 1;
  expect(runs.isAtWork("a")).toBe(false);
  // Another call of it begins everything anew, whatever has ended since.
  runs.enter("b")[Symbol.dispose]();
  runs.enter("a")[Symbol.dispose]();
  expect([runs.isAtWork("a"), runs.isAtWork("b")]).toEqual([true, true]);
});

test("after a start, everybody may be at work", () => {
  let now = 0;
  const runs = new Runs(() => now);
  expect(runs.isAtWork("a")).toBe(true);
  // A client that waits to connect again is back before.
  now = 2999;
  expect(runs.isAtWork("a")).toBe(true);
  now = 3000;
  expect(runs.isAtWork("a")).toBe(false);
});
