import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { expect, it } from "vitest";
import { oneAtATime } from "./one-at-a-time.ts";

it("runs the tasks of a key in order and never two at once, whichever fail", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({ key: fc.constantFrom("a", "b"), turns: fc.nat(3), fails: fc.boolean() }),
      ),
      async (tasks) => {
        const run = oneAtATime();
        const running = new Set<string>();
        const ended: Record<string, number[]> = { a: [], b: [] };
        const results = await Promise.allSettled(
          tasks.map(({ key, turns, fails }, index) =>
            run(key, async () => {
              expect(running.has(key)).toBe(false);
              running.add(key);
              for (let left = turns; left > 0; left--) await turn();
              running.delete(key);
              ended[key]!.push(index);
              if (fails) throw new Error(String(index));
              return index;
            }),
          ),
        );
        for (const [index, { fails }] of tasks.entries()) {
          expect(results[index]!.status).toBe(fails ? "rejected" : "fulfilled");
        }
        for (const order of Object.values(ended)) {
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      },
    ),
  );
});
