import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Lifetime, type LifetimeOptions } from "./lifetime.ts";

let exits: number;
let cleanUps: number;
let handlers: Map<string | symbol, () => void>;
beforeEach(() => {
  vi.useFakeTimers();
  [exits, cleanUps, handlers] = [0, 0, new Map()];
  vi.spyOn(process, "exit").mockImplementation((): never => {
    exits += 1;
    return undefined as never;
  });
  vi.spyOn(process, "on").mockImplementation((name, handler) => {
    handlers.set(name, handler as () => void);
    return process;
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const never = () => new Promise<void>(() => {});
const lifetime = (options: Partial<LifetimeOptions> = {}): Lifetime =>
  new Lifetime({
    reattach: false,
    close: never,
    connections: () => 1,
    cleanUp: () => (cleanUps += 1),
    ...options,
  });

describe("a process whose Terraform has died", () => {
  test("is gone before two seconds are over, whatever is open yet", async () => {
    lifetime().clientGone();
    await vi.advanceTimersByTimeAsync(2000);
    expect([exits, cleanUps]).toEqual([1, 1]);
  });

  test("waits a moment, since the request to go may follow", async () => {
    const one = lifetime({ close: () => Promise.resolve() });
    one.clientGone();
    await vi.advanceTimersByTimeAsync(300);
    expect(exits).toBe(0);
    one.end();
    await vi.advanceTimersByTimeAsync(0);
    expect(exits).toBe(1);
  });

  test("stays where a person has started it", async () => {
    lifetime({ reattach: true }).clientGone();
    await vi.advanceTimersByTimeAsync(600_000);
    expect(exits).toBe(0);
    handlers.get("SIGINT")!();
    await vi.advanceTimersByTimeAsync(1000);
    expect(exits).toBe(1);
  });
});

test("a process that nobody connects to ends after a minute", async () => {
  lifetime({ connections: () => 0, close: () => Promise.resolve() });
  await vi.advanceTimersByTimeAsync(59_000);
  expect(exits).toBe(0);
  await vi.advanceTimersByTimeAsync(2000);
  expect(exits).toBeGreaterThan(0);
});

test("Ctrl-C ends nothing: Terraform says what is to be done", async () => {
  lifetime();
  handlers.get("SIGINT")!();
  await vi.advanceTimersByTimeAsync(5000);
  expect(exits).toBe(0);
  handlers.get("SIGTERM")!();
  await vi.advanceTimersByTimeAsync(1000);
  expect(exits).toBe(1);
});
