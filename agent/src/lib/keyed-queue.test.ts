import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeyedQueue } from "./keyed-queue.ts";

const onError = (_: string, error: unknown) => {
  throw error;
};

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("a queue of keys", () => {
  test("runs a key once for many wake-ups that came before it began", async () => {
    const runs: string[] = [];
    const queue = new KeyedQueue({ run: async (key) => void runs.push(key), onError });
    queue.wake("a");
    queue.wake("a");
    queue.wake("b");
    expect(runs).toEqual([]);
    await queue.idle();
    expect(runs).toEqual(["a", "b"]);
  });

  test("hands errors on and goes on", async () => {
    const errors: unknown[] = [];
    const queue = new KeyedQueue({
      run: async (key) => {
        throw new Error(key);
      },
      onError: (key, error) => errors.push([key, (error as Error).message]),
    });
    queue.wake("a");
    await queue.idle();
    queue.wake("b");
    await queue.idle();
    expect(errors).toEqual([
      ["a", "a"],
      ["b", "b"],
    ]);
  });

  test("an interrupted run is aborted and followed by another", async () => {
    const reasons: unknown[] = [];
    let runs = 0;
    const queue = new KeyedQueue({
      run: async (_, signal) => {
        runs += 1;
        if (runs > 1) return;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        reasons.push(signal.reason);
      },
      onError,
    });
    queue.wake("a");
    await turn();
    const reason = new Error("superseded");
    queue.interrupt("a", reason);
    await queue.idle();
    expect([runs, reasons]).toEqual([2, [reason]]);
  });

  test("keys are settled while others run on, and not before their last run", async () => {
    const [others, first] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const runs: string[] = [];
    const queue = new KeyedQueue({
      run: async (key) => {
        runs.push(key);
        if (key === "other") await others.promise;
        else if (runs.length === 2) {
          await first.promise;
          queue.wake(key);
        }
      },
      onError,
    });
    for (const key of ["other", "a", "b"]) queue.wake(key);
    let settled = false;
    const whenSettled = queue.settled(["a", "b", "unknown"]).then(() => (settled = true));
    await turn();
    expect([runs, settled]).toEqual([["other", "a", "b"], false]);
    first.resolve();
    await whenSettled;
    expect(runs).toEqual(["other", "a", "b", "a"]);
    others.resolve();
    await queue.idle();
  });

  test("a key whose work goes on aside takes no turn, and is not run twice", async () => {
    const long = Promise.withResolvers<void>();
    const runs: string[] = [];
    const queue = new KeyedQueue({
      run: async (key) => {
        runs.push(key);
        if (key === "long" && runs.length === 1) {
          await Promise.all([
            queue.aside(key, () => long.promise),
            queue.aside(key, () => long.promise),
          ]);
        }
        if (key === "c") await new Promise<void>(() => {});
      },
      onError,
      concurrency: 1,
    });
    for (const key of ["long", "a", "b"]) queue.wake(key);
    await queue.settled(["a", "b"]);
    queue.wake("long");
    await turn();
    expect(runs).toEqual(["long", "a", "b"]);
    long.resolve();
    await queue.idle();
    expect(runs).toEqual(["long", "a", "b", "long"]);
    for (const key of ["c", "a"]) queue.wake(key);
    await turn();
    expect(runs.slice(4)).toEqual(["c"]);
  });

  test("closing aborts what runs, drops what waits, and takes nothing more", async () => {
    const runs: string[] = [];
    const queue = new KeyedQueue({
      run: async (key, signal) => {
        runs.push(key);
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
      onError,
      concurrency: 1,
    });
    queue.wake("a");
    queue.wake("b");
    await turn();
    await queue.close();
    queue.wake("c");
    await turn();
    expect(runs).toEqual(["a"]);
  });

  test("never runs a key twice at once, never more than allowed, and never misses a wake-up", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.nat({ max: 3 })), {
          maxLength: 30,
        }),
        fc.integer({ min: 1, max: 3 }),
        async (wakes, concurrency) => {
          const version = new Map<string, number>();
          const seen = new Map<string, number>();
          const running = new Set<string>();
          let most = 0;
          const queue = new KeyedQueue({
            concurrency,
            onError,
            run: async (key) => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              most = Math.max(most, running.size);
              const at = version.get(key)!;
              await turn();
              seen.set(key, at);
              running.delete(key);
            },
          });
          for (const [key, pause] of wakes) {
            version.set(key, (version.get(key) ?? 0) + 1);
            queue.wake(key);
            for (let i = 0; i < pause; i++) await turn();
          }
          await queue.idle();
          expect(seen).toEqual(version);
          expect(most).toBeLessThanOrEqual(concurrency);
        },
      ),
      { numRuns: 60 },
    );
  });
});
