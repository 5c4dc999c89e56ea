/** What dies, is broken or is in the way: nothing is lost, and nothing is left over. */
import { rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { paths } from "../../agent/src/lib/layout.ts";
import { sample } from "../harness/acceptance/sample.ts";
import { TestAgent } from "../harness/agent.ts";
import { compareHost, noDifference } from "../harness/inventory.ts";
import { smallGuest } from "../harness/lodge.ts";
import { page } from "../harness/page.ts";
import { limit } from "../harness/scale.ts";
import { images, network, smallVm, together } from "../harness/small-world.ts";
import { Wishes, type Wish } from "../harness/wishes.ts";

/** Rules of somebody else's, with a counter that any packet of guests would move. */
const foreign = `
add table inet theirs
add chain inet theirs forward { type filter hook forward priority 0; policy accept; }
add rule inet theirs forward ip saddr 192.0.2.1 counter drop
add table ip nat
add chain ip nat POSTROUTING { type nat hook postrouting priority 100; }
add rule ip nat POSTROUTING ip saddr 192.0.2.0/24 masquerade`;

let agent: TestAgent;
let wishes: Wishes;
let wish: Wish;
let rules: string;
let patient: { readonly timeout: number; readonly interval: number };

/** All that nft knows but for what is ours. */
const foreignRules = async () => {
  const list = async (table: string) => agent.inside("nft", "list", "table", ...table.split(" "));
  return (await list("inet theirs")) + (await list("ip nat"));
};

beforeAll(async () => {
  const guest = await smallGuest();
  agent = await TestAgent.start({ imageRoots: [dirname(guest.kernel)] });
  await agent.inside("nft", foreign);
  rules = await foreignRules();
  wishes = new Wishes(agent);
  // A guest that can be reached ends in this time; one that cannot is stopped by force after it.
  const shutdown_timeout = `${Math.ceil((await limit(500)) / 1000)}s`;
  const scratch = { disks: { scratch: { size: "32MiB" } } };
  wish = together(network(wishes, "lan", 0), images(guest), {
    vm: { web: smallVm(wishes, "web", "lan", { shutdown_timeout, ...scratch }) },
  });
  patient = { timeout: await limit(3_000), interval: 100 };
});
afterAll(() => agent?.[Symbol.asyncDispose]());

const status = async () => (await wishes.get("vm", "web")).status;
const web = () => wishes.id("vm", "web");
const log = () => `/run/lodge/vm/${web()}/console.log`;

async function putPower(power_state: "running" | "stopped"): Promise<void> {
  const { spec, specRevision } = await wishes.get("vm", "web");
  const edit = { id: web(), spec: { ...spec, power_state }, expectedRevision: specRevision };
  await (await wishes.client("vm")).put(edit);
}

async function restarted(): Promise<void> {
  await agent.up();
  wishes.reconnect();
}

async function allIsWell(): Promise<void> {
  await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
  await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  await expect.poll(() => page(agent), patient).toMatch(/^web /u);
  expect(await foreignRules()).toBe(rules);
}

describe("of a host with a running guest", () => {
  beforeEach(async () => {
    await wishes.apply(wish);
    await allIsWell();
  });

  test("the agent is killed: guests run on, and the next agent finds them", async () => {
    const [before, said] = [await status(), await page(agent)];
    await agent.kill();
    expect(await page(agent)).toBe(said);
    await restarted();
    await allIsWell();
    const { pid, boot_id, boots } = before;
    expect(await status()).toMatchObject({ phase: "running", pid, boot_id, boots });
    expect(await page(agent)).toBe(said);
  });

  test("a guest powers itself off while the agent is away: it is stopped, with its reason", async () => {
    const { boots } = await status();
    await expect.poll(() => agent.inside("cat", log()), patient).toContain(":/# ");
    // It waits with it until the agent has gone.
    await agent.type("web", "(sleep 5; poweroff -f) &");
    await agent.kill();
    await expect.poll(() => agent.inside("cat", log()), patient).toContain("reboot: Power down");
    await restarted();
    await expect
      .poll(status, patient)
      .toMatchObject({ phase: "stopped", reason: "GUEST_SHUTDOWN", boots });
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
    await putPower("stopped");
    await putPower("running");
    await allIsWell();
    expect((await status()).boots).toBe(boots + 1);
  });

  test("QEMU is killed: the guest is started again", async () => {
    const before = await status();
    await agent.inside("kill", "-KILL", String(before.pid));
    await expect.poll(async () => (await status()).boot_id, patient).not.toBe(before.boot_id);
    await allIsWell();
    const { events } = await status();
    expect(events.map(({ message }) => message).join("\n")).toMatch(/QEMU/u);
  });

  test("dnsmasq is killed: it is started again, and leases stay", async () => {
    const layout = { stateDir: "", runDir: "/run/lodge" };
    const id = wishes.id("network", "lan");
    const [pidFile, leases] = [paths.dnsmasqPid(layout, id), paths.leases(layout, id)];
    const pid = () => agent.inside("cat", pidFile);
    const [first, leased, before] = [
      await pid(),
      await agent.inside("cat", leases),
      await page(agent),
    ];
    await agent.inside("kill", "-KILL", first.trim());
    await expect.poll(pid, patient).not.toBe(first);
    await allIsWell();
    expect(await agent.inside("cat", leases)).toBe(leased);
    expect(await page(agent)).toBe(before);
  });

  const remove = (path: string) => rm(path);
  const garble = async (path: string) => {
    await rm(path);
    await writeFile(path, "garbage");
  };

  const broken = [
    ["monitor is missing", remove, ["qmp.sock"]],
    ["monitor is no socket any more", garble, ["qmp.sock"]],
    ["monitors are all missing", remove, ["qmp.sock", "debug.sock"]],
    ["monitors are no sockets any more", garble, ["qmp.sock", "debug.sock"]],
  ] as const;

  test.each(sample("broken monitors", broken, 2, ([title]) => title))(
    "its %s: the guest runs on, and is ended and started as wished",
    async (_, spoil, sockets) => {
      const [before, said] = [await status(), await page(agent)];
      await agent.kill();
      // The run-time directory is a file system of the host's own: reached through a process in it.
      for (const name of sockets) await spoil(`${agent.root()}/run/lodge/vm/${web()}/${name}`);
      await restarted();
      const reached = sockets.length === 1;
      if (!reached) await expect.poll(status, patient).toMatchObject({ reason: "MONITOR_FAILED" });
      const { pid, boots } = before;
      await expect.poll(status, patient).toMatchObject({ phase: "running", pid, boots });
      expect(await page(agent)).toBe(said);
      await putPower("stopped");
      await expect.poll(status, patient).toMatchObject({
        phase: "stopped",
        reason: reached ? "" : "FORCED_STOP",
      });
      await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
      await putPower("running");
      await allIsWell();
      expect((await status()).boots).toBe(boots + 1);
    },
  );
});

test("a link with the bridge's name is in the way: it is not touched, and named", async () => {
  const both = together(wish, network(wishes, "dmz", 1));
  await wishes.reach(both);
  const { id, spec, status: before } = await wishes.get("network", "dmz");
  await wishes.reach(wish);
  await agent.inside("ip", "link", "add", before.bridge, "type", "bridge");
  const theirs = () => agent.inside("ip", "-details", "link", "show", before.bridge);
  const link = await theirs();
  const networks = await agent.client("network");
  await networks.put({ id, spec });
  const now = async () => (await networks.get({ id }, false)).status;
  await expect.poll(now, patient).toMatchObject({
    phase: "failed",
    message: expect.stringContaining(before.bridge),
  });
  expect(await theirs()).toBe(link);
  await agent.inside("ip", "link", "delete", before.bridge);
  await expect.poll(now, patient).toMatchObject({ phase: "ready" });
  await networks.delete(id);
  await allIsWell();
});

test("in the end nothing is left but what is somebody else's, as it was", async () => {
  await wishes.reach({});
  await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  expect(await foreignRules()).toBe(rules);
});
