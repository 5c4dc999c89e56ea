/** What guests, agents and hosts do to one another over time: deaf guests, reboots of the host, endless talk. */
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestAgent } from "../harness/agent.ts";
import { compareHost, noDifference } from "../harness/inventory.ts";
import { smallGuest } from "../harness/lodge.ts";
import { limit } from "../harness/scale.ts";
import { images, network, smallVm, together } from "../harness/small-world.ts";
import { Wishes, type Wish } from "../harness/wishes.ts";

const MiB = 2 ** 20;

let agent: TestAgent;
let wishes: Wishes;
let base: () => Wish;
let patient: { readonly timeout: number; readonly interval: number };

beforeAll(async () => {
  const guest = await smallGuest();
  agent = await TestAgent.start({ imageRoots: [dirname(guest.kernel)] });
  wishes = new Wishes(agent);
  base = () => together(network(wishes, "lan", 0), images(guest));
  patient = { timeout: await limit(3_000), interval: 100 };
});
afterAll(() => agent?.[Symbol.asyncDispose]());

const statusOf = async (name: string) => (await wishes.get("vm", name)).status;
const log = (name: string) => `/run/lodge/vm/${wishes.id("vm", name)}/console.log`;
const printed = (name: string) => agent.inside("cat", log(name));
const booted = (name: string) => expect.poll(() => printed(name), patient).toContain(":/# ");

async function nothingIsLeft(): Promise<void> {
  await wishes.reach({});
  await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
}

test("a guest that ignores its power button is stopped by force in time, whatever happens to the agent", async () => {
  const shutdown_timeout = 10_000;
  const wish = (power_state: "running" | "stopped") =>
    together(base(), {
      vm: {
        web: smallVm(wishes, "web", "lan", {
          power_state,
          shutdown_timeout: `${shutdown_timeout / 1000}s`,
        }),
      },
    });
  await wishes.reach(wish("running"));
  await booted("web");
  await agent.type("web", "killall head; echo deaf-''now");
  await expect.poll(() => printed("web"), patient).toContain("deaf-now");
  await wishes.apply(wish("stopped"));
  await expect.poll(async () => (await statusOf("web")).phase, patient).toBe("stopping");
  await sleep(shutdown_timeout / 5);
  await agent.kill();
  await sleep(shutdown_timeout / 5);
  await agent.up();
  const returned = Date.now();
  wishes.reconnect();
  await expect.poll(async () => (await statusOf("web")).phase, patient).toBe("stopped");
  const { reason, message, events } = await statusOf("web");
  expect(reason).toBe("FORCED_STOP");
  expect(message).toContain("stopped by force");
  const at = (type: string) => events.find((event) => event.type === type)!.time;
  expect(at("forced_stop") - at("stopping")).toBeGreaterThanOrEqual(shutdown_timeout);
  // One that began anew with the agent would have ended later than this.
  expect(at("forced_stop")).toBeLessThan(returned + shutdown_timeout);
  await wishes.settled(wish("stopped"));
  await nothingIsLeft();
});

test("after a reboot of the host what is wanted runs again, at its addresses and with its disks, and nothing else", async () => {
  const vm = (name: string, members = {}) => ({
    [name]: smallVm(wishes, name, "lan", { disks: { data: { size: "16MiB" } }, ...members }),
  });
  const wish = together(base(), {
    vm: { ...vm("web"), ...vm("off"), ...vm("idle", { power_state: "stopped" }) },
  });
  await wishes.reach(wish);
  await booted("web");
  await agent.type("web", "echo kept | dd of=/dev/vda conv=fsync; echo data-''written");
  await expect.poll(() => printed("web"), patient).toContain("data-written");
  await booted("off");
  await agent.type("off", "poweroff -f");
  await expect.poll(() => statusOf("off"), patient).toMatchObject({ reason: "GUEST_SHUTDOWN" });
  const before = await statusOf("web");

  await agent.down(false);
  await agent.up();
  wishes.reconnect();
  await expect.poll(() => statusOf("web"), patient).toMatchObject({ phase: "running", boots: 2 });
  const after = await statusOf("web");
  expect(after.boot_id).not.toBe(before.boot_id);
  const addresses = ({ nic_status }: typeof before) =>
    nic_status.map(({ mac, ipv4_address }) => [mac, ipv4_address]);
  expect(addresses(after)).toEqual(addresses(before));
  expect(after.events.map(({ type }) => type)).toContain("vanished");
  const served = () => agent.inside("sh", "-c", page(after.nic_status[0]!.ipv4_address!));
  await expect.poll(served, patient).toMatch(/^web /u);
  await booted("web");
  await agent.type("web", "head -n 1 /dev/vda; echo data-''read");
  await expect.poll(() => printed("web"), patient).toMatch(/^kept\r?\n[^]*data-read/mu);

  expect(await statusOf("off")).toMatchObject({ phase: "stopped", reason: "GUEST_SHUTDOWN" });
  expect(await statusOf("idle")).toMatchObject({ phase: "stopped", boots: 0 });
  await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  await nothingIsLeft();
});

/** A command that fetches what a guest says of itself. */
const page = (address: string): string =>
  `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 ${address} 80 | tail -n 1`;

test("a guest that prints for ever, and a QEMU that complains for ever, fill nothing, also while no agent is there", async () => {
  await wishes.reach(together(base(), { vm: { web: smallVm(wishes, "web", "lan") } }));
  await booted("web");
  const directory = dirname(log("web"));
  const inode = (name: string) =>
    agent.inside("stat", "-c", "%i", `${directory}/${name}`).then(Number, () => 0);
  const kept = async (...names: string[]) => {
    const paths = names.map((name) => `${directory}/${name}`);
    const sizes = await agent.inside(
      "sh",
      "-c",
      'stat -c %s "$@" 2>/dev/null; true',
      "sh",
      ...paths,
    );
    return sizes.split("\n").reduce((sum, size) => sum + Number(size), 0);
  };
  const { nic_status } = await statusOf("web");
  const served = () => agent.inside("sh", "-c", page(nic_status[0]!.ipv4_address!));
  await agent.type("web", `yes ${"x".repeat(50)}`);
  await agent.kill();
  for (let turns = 0, last = 0; turns < 3;) {
    expect(await kept("console.log", "console.old")).toBeLessThanOrEqual(MiB);
    const now = await inode("console.old");
    if (now !== last) [turns, last] = [turns + 1, now];
    await sleep(100);
  }
  // Whoever writes into QEMU's standard error is QEMU to what keeps it.
  const complain = "yes complaint | head -c 8388608 >qemu.err";
  await agent.inside("sh", "-c", `cd ${directory} && ${complain}`);
  expect(await kept("qemu.log", "qemu.old")).toBeLessThanOrEqual(MiB);
  await agent.up();
  wishes.reconnect();
  expect(await statusOf("web")).toMatchObject({ phase: "running", boots: 1 });
  await expect.poll(served, patient).toMatch(/^web /u);
  await nothingIsLeft();
});
