/** What fails half-way: it is said why, nothing is left over, and all comes true once nothing is in the way any more. */
import { spawn } from "node:child_process";
import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { failpointVariable } from "../../agent/src/role/agent/failpoint.ts";
import { TestAgent } from "../harness/agent.ts";
import { compareHost, noDifference } from "../harness/inventory.ts";
import { smallGuest } from "../harness/lodge.ts";
import { limit } from "../harness/scale.ts";
import { images, network, smallVm, together } from "../harness/small-world.ts";
import { Wishes, type Wish } from "../harness/wishes.ts";

const MiB = 2 ** 20;

let directory: string;
let roots: readonly string[];
let patient: { readonly timeout: number; readonly interval: number };
let base: (wishes: Wishes) => Wish;

beforeAll(async () => {
  directory = await mkdtemp("/tmp/lodge-images-");
  // Too short for what QEMU looks for at the start of a kernel.
  await writeFile(join(directory, "junk"), randomBytes(600));
  await writeFile(join(directory, "large"), randomBytes(24 * MiB));
  const guest = await smallGuest();
  roots = [directory, dirname(guest.kernel)];
  base = (wishes) => together(network(wishes, "lan", 0), images(guest));
  patient = { timeout: await limit(3_000), interval: 100 };
});
afterAll(() => rm(directory, { recursive: true }));

let agent: TestAgent;
let wishes: Wishes;

async function host(diskMiB?: number): Promise<void> {
  agent = await TestAgent.start({ imageRoots: roots, ...(diskMiB !== undefined && { diskMiB }) });
  wishes = new Wishes(agent);
}

/** One host for the tests of a kind; one in which something went wrong makes way for another. */
function onOneHost(diskMiB?: number): void {
  beforeAll(() => host(diskMiB));
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    console.log((await agent.log()).slice(-6000));
    await agent[Symbol.asyncDispose]();
    await host(diskMiB);
  });
  afterAll(() => agent?.[Symbol.asyncDispose]());
}

const statusOf = async (name: string) => (await wishes.get("vm", name)).status;

async function nothingIsLeft(): Promise<void> {
  await wishes.reach({});
  await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
}

describe("half-way", () => {
  onOneHost();

  test("a VM that QEMU refuses says why, holds nothing, and runs once its kernel is one", async () => {
    const good = together(base(wishes), {
      image: { junk: { name: "junk", host_path: join(directory, "junk") } },
      vm: { web: smallVm(wishes, "web", "lan") },
    });
    const bad = together(good, {
      vm: {
        web: smallVm(wishes, "web", "lan", { kernel: { image_id: wishes.id("image", "junk") } }),
      },
    });
    await wishes.apply(bad);
    await expect.poll(async () => (await statusOf("web")).phase, patient).toBe("failed");
    const failed = await statusOf("web");
    expect(failed).toMatchObject({
      reason: "QEMU_FAILED",
      actual_power_state: "stopped",
      boots: 0,
    });
    expect(failed.message).toMatch(/kernel/u);
    // Between two tries nothing of it is on the host.
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
    await wishes.apply(good);
    await expect.poll(() => wishes.unsettled(good), patient).toEqual([]);
    expect((await statusOf("web")).boots).toBe(1);
    await nothingIsLeft();
  });

  test("an upload whose client is killed leaves nothing", async () => {
    const id = randomUUID();
    const program = join(import.meta.dirname, "fixtures", "uploader.ts");
    const uploader = spawn(process.execPath, [program, agent.files.directory, id], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(uploader.stdout, "data");
    const files = () => agent.inside("ls", join(agent.files.directory, "images"));
    await expect.poll(files, patient).toMatch(new RegExp(`^${id}\\..*\\.part$`, "mu"));
    uploader.kill("SIGKILL");
    await expect.poll(files, patient).toBe("");
    expect(await (await agent.client("image")).list([])).toEqual([]);
    expect(await compareHost(agent)).toEqual(noDifference);
  });
});

describe("a full disk", () => {
  /** Room for the guest's images and for what the tests put there. */
  const diskMiB = 96;
  onOneHost(diskMiB);

  const inDirectory = (script: string) =>
    agent.inside("sh", "-e", "-c", `cd "$0"; ${script}`, agent.files.directory);
  const freeKiB = async () =>
    Number(await inDirectory(`stat -f -c '%a %S' . | awk '{ print int($1 * $2 / 1024) }'`));
  /** Leaves so much room and no more. */
  const fill = async (leaveKiB: number) => {
    const count = (await freeKiB()) - leaveKiB;
    await inDirectory(`dd if=/dev/zero of=filler bs=1k count=${count} 2>/dev/null`);
  };
  const empty = () => inDirectory("rm filler");
  // With both names, mount repeats no other option: an ordinary user's uid means another one inside.
  const resize = (mebibytes: number) => inDirectory(`mount -o remount,size=${mebibytes}m tmpfs .`);
  const told = () =>
    new RegExp(`the file system at ${agent.files.directory} has \\d+ MiB free`, "u");

  test("refuses an upload, naming the file system and what is free, and keeps none of it", async () => {
    await wishes.reach(base(wishes));
    const free = await freeKiB();
    const upload = wishes.upload(randomUUID(), { name: "large" }, randomBytes(free * 1024 + MiB));
    await expect(upload).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "DISK_FULL",
      message: expect.stringMatching(told()),
    });
    expect(await compareHost(agent)).toEqual(noDifference);
    expect(await freeKiB()).toBeGreaterThan(free - 1024);
  });

  test("keeps an image and a VM waiting, says so, and both come once there is room", async () => {
    await wishes.reach(base(wishes));
    await fill(16 * 1024);
    const wish = together(base(wishes), {
      image: { large: { name: "large", host_path: join(directory, "large") } },
      vm: {
        web: smallVm(wishes, "web", "lan", {
          disks: { root: { image_id: wishes.id("image", "large") } },
        }),
      },
    });
    await wishes.apply(wish);
    const image = async () => (await wishes.get("image", "large")).status;
    await expect.poll(async () => (await image()).phase, patient).toBe("failed");
    expect((await image()).message).toMatch(told());
    await expect.poll(async () => (await statusOf("web")).message, patient).toMatch(told());
    await empty();
    await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
    await nothingIsLeft();
  });

  test("keeps a disk waiting, says so, and it comes once there is room", async () => {
    await wishes.reach(base(wishes));
    await fill(128);
    const wish = together(base(wishes), { disk: { data: { name: "data", size: "1GiB" } } });
    await wishes.apply(wish);
    const disk = async () => (await wishes.get("disk", "data")).status;
    await expect.poll(async () => (await disk()).phase, patient).toBe("failed");
    expect((await disk()).message).toMatch(told());
    await empty();
    await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  });

  test("pauses the guest that writes, says so, and lets it go on, also after the agent died", async () => {
    const printed = () =>
      agent.inside("cat", `/run/lodge/vm/${wishes.id("vm", "web")}/console.log`);
    const wish = together(base(wishes), {
      vm: {
        web: smallVm(wishes, "web", "lan", { disks: { data: { size: "64MiB" } } }),
        calm: smallVm(wishes, "calm", "lan"),
      },
    });
    await wishes.reach(wish);
    const before = await statusOf("web");
    await expect.poll(printed, patient).toContain(":/# ");
    await fill(8 * 1024);
    await agent.type("web", "dd if=/dev/urandom of=/dev/vda bs=1M count=32; echo all-''written");
    await expect
      .poll(() => statusOf("web"), patient)
      .toMatchObject({
        phase: "paused",
        reason: "DISK_FULL",
        message: expect.stringMatching(told()),
        actual_power_state: "running",
      });
    expect((await statusOf("calm")).phase).toBe("running");
    await agent.kill();
    // It may die before it has said that it serves.
    await agent.up({ [failpointVariable]: "resume_guest:before" }).catch(() => {});
    await agent.gone();
    await agent.up({ [failpointVariable]: "resume_guest:after" });
    wishes.reconnect();
    await expect.poll(() => statusOf("web"), patient).toMatchObject({ phase: "paused" });
    await resize(diskMiB + 200);
    // The agent dies as soon as it has let the guest go on, and the next one finds it so.
    await agent.gone();
    await agent.up();
    wishes.reconnect();
    await expect.poll(() => statusOf("web"), patient).toMatchObject({ phase: "running" });
    await expect.poll(printed, patient).toContain("all-written");
    expect(await statusOf("web")).toMatchObject({ pid: before.pid, boots: 1 });
    const types = (await statusOf("web")).events.map(({ type }) => type);
    expect(types).toEqual(["started", "paused", "resumed"]);
    await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
    await nothingIsLeft();
    await empty();
    await resize(diskMiB);
  });

  test("takes no wish while it has no byte left, and loses none", async () => {
    await wishes.reach(base(wishes));
    await fill(0);
    const wish = together(base(wishes), network(wishes, "dmz", 1));
    const refused = async () => {
      const pools = await wishes.client("address_pool");
      let { id, spec, specRevision } = await wishes.get("address_pool", "lan");
      // Until the room is used up that the agent keeps for itself.
      for (let tries = 0; tries < 5_000; tries++) {
        const edit = { ...spec, cooldown: tries + 1 };
        ({ specRevision } = await pools.put({ id, spec: edit, expectedRevision: specRevision }));
      }
    };
    await expect(refused()).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "DISK_FULL",
      message: expect.stringContaining(agent.files.directory),
    });
    await agent.kill();
    await empty();
    await agent.up();
    wishes.reconnect();
    await wishes.apply(wish);
    await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  });
});
