import { afterEach, beforeEach, expect, test } from "vitest";
import { World } from "../testing/world.ts";
import { extendLog, newsRestUntil } from "./event-log.ts";

const at = (time: number, type = "rebooted") => ({ time, type, message: `${type} at ${time}` });

test("new reboots in a row are told as one, what was told is left as it is", () => {
  const news = [at(2), at(3), at(4), at(5, "paused"), at(6), at(7)];
  expect(extendLog([at(1)], news)).toEqual([
    at(1),
    { ...at(4), message: "the guest rebooted 3 times" },
    at(5, "paused"),
    { ...at(7), message: "the guest rebooted 2 times" },
  ]);
  const log = Array.from({ length: 50 }, (_, time) => at(time, "old"));
  expect(extendLog(log, [at(50)])).toEqual([...log.slice(1), at(50)]);
});

test("the more reboots were told in a row, the longer the next ones rest", () => {
  const now = 1_000_000_000;
  const rests = (told: number, news = [at(now)], log = [at(0, "started")]) => {
    const until = newsRestUntil(
      [...log, ...Array.from({ length: told }, () => at(now))],
      news,
      now,
    );
    return until === undefined ? undefined : until - now;
  };
  expect([0, 1, 2, 3, 9, 10, 49].map((told) => rests(told))).toEqual([
    undefined,
    1000,
    2000,
    4000,
    256_000,
    300_000,
    300_000,
  ]);
  expect(rests(1, [at(now), at(now, "paused")])).toBeUndefined();
  expect(rests(1, [])).toBeUndefined();
  const yesterday = [at(now - 3_600_000), at(now - 3_600_000)];
  expect(rests(0, [at(now)], yesterday)).toBeUndefined();
  expect(rests(1, [at(now)], yesterday)).toBe(1000);
  // The clock was set back.
  expect(newsRestUntil([at(now)], [at(1)], 1)).toBeUndefined();
});

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
  await world.put("vm", world.vm("web"));
  await world.quiet();
});
afterEach(() => world.core.close());

const log = async () => (await world.get("vm", "web"))!.status.events;

/** The guest reboots ten times a second. */
async function loop(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 10; i++) {
    world.hypervisor.guestResets(world.id("vm web"));
    await world.pass(100);
  }
}

test("a guest that reboots in a loop is told of seldom, and pushes nothing out of the log", async () => {
  const { sequence } = await world.store.list("vm");
  await loop(60);
  expect((await world.store.list("vm")).sequence - sequence).toBeLessThan(10);
  await world.pass(300_000);
  const [first, ...others] = await log();
  expect(first!.type).toBe("started");
  expect(new Set(others.map(({ type }) => type))).toEqual(new Set(["rebooted"]));
  const counts = others.map(({ message }) => Number(/(\d+) times$/.exec(message)?.[1] ?? 1));
  expect(counts[0]).toBe(1);
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(600);
});

test("what else happens is told at once, with the reboots before it", async () => {
  await loop(0.5);
  expect(await log()).toHaveLength(2);
  world.hypervisor.pause(world.id("vm web"));
  await world.quiet();
  expect((await log()).slice(-2)).toMatchObject([
    { type: "rebooted", message: "the guest rebooted 4 times" },
    { type: "paused" },
  ]);
});
