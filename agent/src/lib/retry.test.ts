import fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { backoffDelay, backoffLimit, retry } from "./retry.ts";

const backoff = { base: 1000, max: 300_000 };
const none = new AbortController().signal;

test("the limit doubles from the base to the maximum", () => {
  expect([1, 2, 3, 9, 10, 1000].map((failures) => backoffLimit(backoff, failures))).toEqual([
    1000, 2000, 4000, 256_000, 300_000, 300_000,
  ]);
});

test("a wait is anything up to the limit", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (n, r) => {
        const delay = backoffDelay(backoff, n, () => r);
        expect(delay).toBeGreaterThanOrEqual(0);
        expect(delay).toBeLessThanOrEqual(backoffLimit(backoff, n));
      },
    ),
  );
});

test("tries again while that can help, and throws the last error", async () => {
  const tries = async (attempts: number, good: number) => {
    let count = 0;
    const result = await retry(
      async () => {
        count += 1;
        if (count < good) throw new Error(count === 3 ? "hopeless" : `try ${count}`);
        return "done";
      },
      {
        clock: systemClock,
        backoff: { base: 1, max: 1 },
        attempts,
        when: (error) => (error as Error).message !== "hopeless",
      },
      none,
    ).catch((error: Error) => error.message);
    return [result, count];
  };
  expect(await tries(5, 3)).toEqual(["done", 3]);
  expect(await tries(2, 9)).toEqual(["try 2", 2]);
  expect(await tries(9, 9)).toEqual(["hopeless", 3]);
});

test("an aborted wait ends at once", async () => {
  const controller = new AbortController();
  const waiting = retry(
    () => Promise.reject(new Error("no")),
    {
      clock: systemClock,
      backoff: { base: 1e9, max: 1e9 },
      attempts: 2,
      when: () => true,
      random: () => 1,
    },
    controller.signal,
  );
  controller.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});
