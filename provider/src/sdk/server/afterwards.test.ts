import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Afterwards } from "./afterwards.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a task is done a moment after the answer, not with it", async () => {
  const [afterwards, task] = [new Afterwards(), vi.fn(async () => {})];
  afterwards.add(task);
  await vi.advanceTimersByTimeAsync(99);
  expect(task).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(task).toHaveBeenCalledOnce();
  await afterwards.settle();
  expect(task).toHaveBeenCalledOnce();
});

test("settle does what waits at once, and waits for what is under way, whatever comes of it", async () => {
  const afterwards = new Afterwards();
  const { promise, reject } = Promise.withResolvers<void>();
  afterwards.add(() => promise);
  const other = vi.fn(async () => {});
  afterwards.add(other);
  const ended = vi.fn();
  const settled = afterwards.settle().then(ended);
  await vi.advanceTimersByTimeAsync(0);
  expect([other.mock.calls.length, ended.mock.calls.length]).toEqual([1, 0]);
  reject(new Error("the agent is gone"));
  await settled;
});

test("what is dropped is never done", async () => {
  const [afterwards, task] = [new Afterwards(), vi.fn(async () => {})];
  afterwards.add(task);
  afterwards.drop();
  await vi.advanceTimersByTimeAsync(1000);
  await afterwards.settle();
  expect(task).not.toHaveBeenCalled();
});
