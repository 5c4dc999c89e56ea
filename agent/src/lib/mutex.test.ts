import { expect, test } from "vitest";
import { Mutex } from "./mutex.ts";

test("one at a time, in order, and a failure holds up nobody", async () => {
  const mutex = new Mutex();
  const seen: string[] = [];
  const turn = (name: string, fails = false) =>
    mutex.run(async () => {
      seen.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(`${name} out`);
      if (fails) throw new Error(name);
      return name;
    });
  const results = await Promise.allSettled([turn("a"), turn("b", true), turn("c")]);
  expect(seen).toEqual(["a in", "a out", "b in", "b out", "c in", "c out"]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
});
