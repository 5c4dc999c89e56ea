import { expect, test } from "vitest";
import { coalesced } from "./coalesce.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("calls at once share one that begins after they asked", async () => {
  let begun = 0;
  const call = coalesced(async () => {
    const mine = ++begun;
    await turn();
    return mine;
  });
  const first = call();
  const rest = [call(), call(), call()];
  expect(await first).toBe(1);
  expect(await Promise.all(rest)).toEqual([2, 2, 2]);
  expect(await call()).toBe(3);
});

test("a failure is shared too, and ends with those who shared it", async () => {
  let begun = 0;
  const call = coalesced(async () => {
    begun += 1;
    await turn();
    if (begun < 3) throw new Error(`call ${begun}`);
    return "done";
  });
  const all = await Promise.allSettled([call(), call(), call()]);
  expect(all.map((result) => (result.status === "rejected" ? `${result.reason}` : ""))).toEqual([
    "Error: call 1",
    "Error: call 2",
    "Error: call 2",
  ]);
  expect(await call()).toBe("done");
});
