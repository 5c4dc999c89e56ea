/** The time of day is set while the agent runs, or while it does not: no wait is longer for it than it would have been. */
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { afterEach, beforeEach, expect, test } from "vitest";
import { now, plan, plugged } from "../testing/vm-situation.ts";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
});
afterEach(() => world.core.close());

const year = 365 * 86_400_000;
const web = () => world.id("vm web");
const status = async () => (await world.get("vm", "web"))!.status;
const acknowledged = async () => (await status()).nic_status[0]!.acknowledged;
const calls = (name: string) =>
  world.hypervisor.faults.calls.filter((call) => call === name).length;
const stopped = () => world.vm("web", { power_state: "stopped", shutdown_timeout: "20s" });

async function run(): Promise<void> {
  await world.put("vm", world.vm("web"));
  await world.quiet();
}

/** Runs with a guest that does not heed its power button, and is asked to end. */
async function beginStop(): Promise<void> {
  world.hypervisor.obedient = false;
  await run();
  await world.put("vm", stopped());
  await world.quiet();
}

test("a time for the next start that nothing can have set is over", () => {
  const failing = (count: number, wait: number) => {
    const failures = { count, retryAt: now + wait, reason: "QEMU_FAILED", message: "" };
    const { draft, wakeAt } = plan({ internal: { failures }, view: { nics: plugged } });
    return [draft.status.phase, wakeAt];
  };
  expect(failing(1, 1000)).toEqual(["failed", now + 1000]);
  expect(failing(1, 1001)).toEqual(["starting", undefined]);
  expect(failing(50, 300_000)).toEqual(["failed", now + 300_000]);
  expect(failing(50, 10 * year)).toEqual(["starting", undefined]);
});

test.each(["goes on", "ends"])("a failed start is tried again, and the agent %s", async (agent) => {
  world.hypervisor.faults.failNext("start", lodgeError("QEMU_FAILED", "no such device"));
  await run();
  expect((await status()).phase).toBe("failed");
  if (agent === "ends") world.end();
  world.clock.set(-10 * year);
  if (agent === "ends") await world.begin();
  await world.pass(1000);
  expect((await status()).phase).toBe("running");
});

test("failed steps are tried again", async () => {
  const failure = lodgeError("COMMAND_FAILED", "device busy");
  world.networks.faults.failNext("plug", failure);
  await run();
  expect((await status()).phase).toBe("failed");
  world.networks.faults.failNext("set", failure);
  await world.put("network", { name: "new", subnets: { main: { cidr: "10.21.0.0/24" } } });
  await world.quiet();
  expect((await world.get("network", "new"))!.status.phase).toBe("failed");
  world.clock.set(-10 * year);
  await world.pass(2000);
  expect((await status()).phase).toBe("running");
  expect((await world.get("network", "new"))!.status.phase).toBe("ready");
});

test("a guest whose disk was full is told to run on again", async () => {
  await run();
  const pause = () => world.hypervisor.pause(web(), "disk root: the host's file system is full");
  pause();
  await world.quiet();
  pause();
  await world.quiet();
  expect((await status()).phase).toBe("paused");
  world.clock.set(-10 * year);
  await world.pass(10_000);
  expect((await status()).phase).toBe("running");
});

test.each([-10 * year, -15_000, 15_000, 10 * year])(
  "a guest that is asked to end has its time, and no more, where the clock is set by %d",
  async (step) => {
    await beginStop();
    await world.pass(7_000);
    world.clock.set(step);
    await world.pass(4_000);
    expect(calls("powerDown")).toBeGreaterThan(2);
    await world.pass(8_999);
    expect((await status()).phase).toBe("stopping");
    await world.pass(1);
    expect(await status()).toMatchObject({ phase: "stopped", reason: "FORCED_STOP" });
  },
);

test("a stop that began in what is the future by now ends in time, too", async () => {
  await beginStop();
  world.end();
  world.clock.set(-10 * year);
  await world.begin();
  await world.pass(19_998);
  expect((await status()).phase).toBe("stopping");
  await world.pass(1);
  expect((await status()).phase).toBe("stopped");
});

test("a stop that was taken back is forgotten in time", async () => {
  await beginStop();
  await world.put("vm", world.vm("web", { shutdown_timeout: "20s" }));
  world.clock.set(-10 * year);
  await world.pass(20_000);
  expect((await world.get("vm", "web"))!.internal).not.toHaveProperty("stopping");
  expect((await status()).events.at(-1)!.type).toBe("kept_running");
});

test("an address counts as taken where the clock is set back before the guest asks for it", async () => {
  await run();
  world.clock.set(-5000);
  expect(await acknowledged()).toBe(false);
  world.networks.boot(web(), "eth0");
  await world.quiet();
  expect(await acknowledged()).toBe(true);
});

test("what the guest before took does not count, though it did so later by the clock", async () => {
  await run();
  world.networks.boot(web(), "eth0");
  await world.quiet();
  world.clock.set(-year);
  await world.core.restart({ id: web(), bootId: "", force: true });
  await world.pass(60_000);
  expect(await status()).toMatchObject({ phase: "running", boots: 2 });
  expect(await acknowledged()).toBe(false);
  // Nobody hears of it: only a look at the host finds it.
  const network = world.networks.networks.get(world.id("network lan"))!;
  const [mac, known] = [...network.acknowledgements][0]!;
  network.acknowledgements.set(mac, { ...known, at: world.clock.now() });
  await world.pass(60_000);
  expect(await acknowledged()).toBe(true);
});

test("an old lease on the same address does not count for the next VM that has it", async () => {
  await world.put("vm", world.vm("old"));
  await world.quiet();
  world.networks.boot(world.id("vm old"), "eth0");
  await world.delete("vm", "old");
  await world.pass(61_000);
  await run();
  await world.pass(60_000);
  expect(await status()).toMatchObject({ nic_status: [{ ipv4_address: "10.20.0.10" }] });
  expect(await acknowledged()).toBe(false);
});
