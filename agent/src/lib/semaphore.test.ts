import { expect, test } from "vitest";
import { Semaphore } from "./semaphore.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const { signal } = new AbortController();

test("no more are let in than there are places, the others in their order, also after failures", async () => {
  const semaphore = new Semaphore(2);
  const begun: number[] = [];
  const ends = [0, 1, 2, 3].map(() => Promise.withResolvers<string>());
  const runs = ends.map(({ promise }, i) =>
    semaphore.run(() => {
      begun.push(i);
      return promise;
    }, signal),
  );
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]!.reject(new Error("no"));
  await expect(runs[1]).rejects.toThrow("no");
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  ends[2]!.resolve("c");
  expect(await runs[2]).toBe("c");
  await turn();
  expect(begun).toEqual([0, 1, 2, 3]);
});

test("who does not want to wait any longer takes no place", async () => {
  const semaphore = new Semaphore(1);
  const [first, controller] = [Promise.withResolvers<void>(), new AbortController()];
  const holds = semaphore.run(() => first.promise, signal);
  const waits = semaphore.run(() => Promise.reject(new Error("it ran")), controller.signal);
  controller.abort(new Error("enough"));
  await expect(waits).rejects.toThrow("enough");
  await expect(
    semaphore.run(() => Promise.reject(new Error("it ran")), controller.signal),
  ).rejects.toThrow("enough");
  const last = semaphore.run(async () => "in", signal);
  first.resolve();
  await holds;
  expect(await last).toBe("in");
  expect(await semaphore.run(async () => "again", signal)).toBe("again");
});
