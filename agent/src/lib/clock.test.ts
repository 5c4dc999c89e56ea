import { expect, test, vi } from "vitest";
import { isWaiting, sleep, systemClock } from "./clock.ts";
import { FakeClock } from "./clock.fake.ts";

test("timers are called in order, each at its own time", () => {
  const clock = new FakeClock(0);
  const seen: string[] = [];
  clock.after(20, () => seen.push(`b ${clock.now()}`));
  clock.after(10, () => {
    seen.push(`a ${clock.now()}`);
    clock.after(5, () => seen.push(`c ${clock.now()}`));
  });
  const cancel = clock.after(12, () => seen.push("never"));
  cancel();
  clock.advance(19);
  expect(seen).toEqual(["a 10", "c 15"]);
  clock.advance(1);
  expect(seen).toEqual(["a 10", "c 15", "b 20"]);
  expect(clock.now()).toBe(20);
});

test("a part of a millisecond is waited for as a whole one", () => {
  const clock = new FakeClock(0);
  const seen: number[] = [];
  clock.after(0.25, () => seen.push(clock.now()));
  clock.advance(1);
  expect(seen).toEqual([1]);
});

test("a sleep ends in time or with the signal's reason, and leaves no timer", async () => {
  const clock = new FakeClock();
  const slept = sleep(clock, 5, new AbortController().signal);
  clock.advance(5);
  await slept;
  const controller = new AbortController();
  const broken = sleep(clock, 5, controller.signal);
  controller.abort(new Error("enough"));
  await expect(broken).rejects.toThrow("enough");
  expect(clock.next).toBeUndefined();
});

test("the machine's clock calls back and can be called off", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  systemClock.after(2, () => resolve("on time"));
  systemClock.after(1, () => resolve("called off"))();
  await expect(promise).resolves.toBe("on time");
});

test.each([2 ** 31, 40 * 86_400_000, Infinity, NaN])(
  "the machine's clock does not take %d milliseconds for none at all",
  async (milliseconds) => {
    const callback = vi.fn<() => void>();
    const cancel = systemClock.after(milliseconds, callback);
    await sleep(systemClock, 10, new AbortController().signal);
    cancel();
    expect(callback).not.toHaveBeenCalled();
  },
);

test("a wait that is over calls back soon", async () => {
  await expect(sleep(systemClock, -Infinity, new AbortController().signal)).resolves.toBe(
    undefined,
  );
});

test("a clock that is set moves no timer, and nothing but the time of day", () => {
  const clock = new FakeClock(1000);
  const seen: number[] = [];
  clock.after(10, () => seen.push(clock.now()));
  clock.set(-500);
  expect([clock.now(), clock.next, clock.monotonic()]).toEqual([500, 510, 0]);
  clock.advance(9);
  expect(seen).toEqual([]);
  clock.advance(1);
  expect([seen, clock.monotonic()]).toEqual([[510], 10]);
});

test("a wait that is further from its end than it ever was is over", () => {
  const on = [100, 101, 109, 110, 99, -1e12].map((now) => isWaiting(110, 10, now));
  expect(on).toEqual([true, true, true, false, false, false]);
});
