import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
});
afterEach(() => world.core.close());

const web = () => world.id("vm web");
const status = async () => (await world.get("vm", "web"))!.status;
const log = async () => (await status()).events.map(({ type }) => type);

describe("a VM", () => {
  test("comes to run with its disk, its address and its interface", async () => {
    const answer = await world.put("vm", world.vm("web"));
    expect(answer.status).toMatchObject({
      phase: "pending",
      disk_status: [{ name: "root", size_bytes: 2 ** 30 }],
      nic_status: [{ name: "eth0", mac: "52:54:0a:14:00:0a", ipv4_address: "10.20.0.10" }],
    });
    await world.quiet();
    const record = (await world.get("vm", "web"))!;
    expect(record.observedRevision).toBe(1);
    expect(record.status).toMatchObject({
      phase: "running",
      reason: "",
      message: "",
      actual_power_state: "running",
      restart_required: [],
      accelerator: "tcg",
      machine_type: "pc-q35-7.2",
      pid: 1000,
      boots: 1,
    });
    expect(world.hypervisor.config(web())).toMatchObject({
      name: "web",
      bootId: record.status.boot_id,
      memoryBytes: 128 * 2 ** 20,
      disks: [{ name: "root", diskId: record.status.disk_status[0]!.disk_id, bootIndex: 0 }],
      nics: [{ name: "eth0", mac: "52:54:0a:14:00:0a" }],
    });
    expect(world.networks.nics.get(`${web()}/eth0`)).toMatchObject({
      whole: true,
      config: { ipv4Address: "10.20.0.10", vmName: "web" },
    });
  });

  test("says when its guest took its address", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect(world.networks.boot(web(), "eth0")).toBe(true);
    await world.quiet();
    expect((await status()).nic_status[0]!.acknowledged).toBe(true);
  });

  test("keeps what came while the host was looked at, though the look began before", async () => {
    const acknowledged = async () => (await status()).nic_status[0]!.acknowledged;
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.networks.boot(web(), "eth0");
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.pass(5000);
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect(await acknowledged()).toBe(false);

    const [begun, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.hypervisor.faults.hook = async (method, moment) => {
      if (method !== "observe" || moment !== "after") return;
      begun.resolve();
      await goOn.promise;
    };
    await world.core.sweep();
    await begun.promise;
    world.networks.boot(web(), "eth0");
    await new Promise((resolve) => setImmediate(resolve));
    goOn.resolve();
    await world.quiet();
    expect(await acknowledged()).toBe(true);
  });

  test("is stopped and started by its wish, with a new boot id", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { boot_id } = await status();
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.quiet();
    expect(await status()).toMatchObject({
      phase: "stopped",
      reason: "",
      pid: null,
      boot_id: null,
    });
    expect((await world.get("vm", "web"))!.observedRevision).toBe(2);
    expect(world.networks.nics.size).toBe(0);
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", boots: 2 });
    expect((await status()).boot_id).not.toBe(boot_id);
  });

  test("presses the power button again, since a guest that boots does not hear it", async () => {
    world.hypervisor.obedient = false;
    await world.put("vm", world.vm("web"));
    await world.quiet();
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.pass(3_000);
    world.hypervisor.obedient = true;
    expect((await status()).phase).toBe("stopping");
    await world.pass(2_000);
    expect(await status()).toMatchObject({ phase: "stopped", reason: "" });
  });

  test("tells what waits for a restart, and a reboot from inside takes it", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { boot_id } = await status();
    await world.put("vm", world.vm("web", { memory: "256MiB", cpus: 2 }));
    await world.quiet();
    expect((await world.get("vm", "web"))!.observedRevision).toBe(2);
    expect(await status()).toMatchObject({
      phase: "running",
      boot_id,
      restart_required: ["cpus", "memory"],
    });
    world.hypervisor.guestResets(web());
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", restart_required: [], boots: 2 });
    expect(world.hypervisor.config(web())).toMatchObject({ cpus: 2, memoryBytes: 2 ** 28 });
    world.hypervisor.guestResets(web());
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", boots: 2 });
    expect(await log()).toContain("rebooted");
  });

  test("restarts for a change where that is asked for", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    await world.put("vm", world.vm("web", { memory: "256MiB", on_restart_required: "restart" }));
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", boots: 2, restart_required: [] });
    expect(world.hypervisor.config(web())!.memoryBytes).toBe(2 ** 28);
    expect(await log()).toEqual(["started", "stopping", "stopped", "started"]);
  });

  test("is rebooted where that is asked for: the guest shuts down, and starts anew", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    await world.put("vm", world.vm("web", { memory: "256MiB" }));
    await world.quiet();
    const { boot_id } = await status();
    const asked = { id: web(), bootId: boot_id!, force: false };
    await world.core.restart(asked);
    await world.core.restart(asked);
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", boots: 2, restart_required: [] });
    expect((await status()).boot_id).not.toBe(boot_id);
    expect(await log()).toEqual(["started", "stopping", "stopped", "started"]);
    // Its answer was lost: what was asked for has been done.
    await world.core.restart(asked);
    await world.quiet();
    expect((await status()).boots).toBe(2);
    await world.core.restart({ ...asked, bootId: "" });
    await world.quiet();
    expect((await status()).boots).toBe(3);
  });

  test("is reset at once where that is asked for, also while it does not heed a reboot", async () => {
    world.hypervisor.obedient = false;
    await world.put("vm", world.vm("web", { shutdown_timeout: "10m" }));
    await world.quiet();
    const asked = { id: web(), bootId: "", force: false };
    await world.core.restart(asked);
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "stopping", boots: 1 });
    await world.core.restart({ ...asked, force: true });
    await world.pass(1000);
    expect(await status()).toMatchObject({ phase: "running", boots: 2 });
    expect(await log()).toContain("forced_stop");
  });

  test("refuses a restart where nothing runs, or is to run no longer", async () => {
    const asked = { id: web(), bootId: "", force: false };
    await expect(world.core.restart(asked)).rejects.toMatchObject({ reason: "NOT_FOUND" });
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.quiet();
    await expect(world.core.restart(asked)).rejects.toMatchObject({
      reason: "VM_NOT_RUNNING",
      message: expect.stringMatching(/^VM web .* does not run\.$/u),
      remedy: "Start it instead.",
    });
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.hypervisor.obedient = false;
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.pass(1000);
    await expect(world.core.restart(asked)).rejects.toMatchObject({
      message: expect.stringMatching(/ is being stopped\.$/u),
    });
  });

  test("grows a disk under the running guest, and the name of an interface with the VM's", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const grown = { root: { image_id: world.id("image debian"), size: "2GiB" } };
    await world.put("vm", world.vm("web", { disks: grown }));
    await world.quiet();
    expect(world.hypervisor.diskSize(web(), "root")).toBe(2 ** 31);
    expect(await status()).toMatchObject({
      boots: 1,
      restart_required: [],
      disk_status: [{ size_bytes: 2 ** 31 }],
    });
    const service = world.core.services.vm;
    const { spec, specRevision } = (await world.get("vm", "web"))!;
    await service.put(
      { id: web(), spec: { ...spec, name: "www" }, expectedRevision: specRevision },
      world.principal,
    );
    await world.quiet();
    expect(world.networks.nics.get(`${web()}/eth0`)!.config.vmName).toBe("www");
    expect((await world.store.get("vm", web()))!.observedRevision).toBe(3);
  });

  test("keeps what its running guest has until the next boot, then lets it go", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    const data = world.id("disk data");
    const disks = {
      root: { image_id: world.id("image debian"), size: "1GiB" },
      data: { disk_id: data },
      scratch: { size: "4MiB" },
    };
    await world.put("vm", world.vm("web", { disks }));
    await world.quiet();
    expect(world.disks.files.size).toBe(3);
    await world.put("vm", world.vm("web", { disks: { root: disks.root }, nics: {} }));
    await world.quiet();
    expect((await status()).restart_required).toEqual(["disks.data", "disks.scratch", "nics.eth0"]);
    expect(await world.store.claims("ipv4:")).toMatchObject([{ holder: { id: web() } }]);
    await expect(world.delete("disk", "data")).rejects.toMatchObject({ reason: "IN_USE" });
    await world.put(
      "vm",
      world.vm("web", { disks: { root: disks.root }, nics: {}, on_restart_required: "restart" }),
    );
    await world.quiet();
    expect((await status()).restart_required).toEqual([]);
    expect((await world.store.claims("ipv4:"))[0]).not.toHaveProperty("holder");
    expect([...world.disks.files.keys()].toSorted()).toEqual(
      [data, (await status()).disk_status[0]!.disk_id].toSorted(),
    );
    await world.delete("disk", "data");
    await world.quiet();
    expect(world.disks.files.size).toBe(1);
  });

  test("goes with all that is its own, and nothing else", async () => {
    await world.put("disk", { name: "data", size: "1GiB" });
    const disks = { root: { size: "1GiB" }, data: { disk_id: world.id("disk data") } };
    await world.put("vm", world.vm("web", { disks }));
    await world.quiet();
    await world.delete("vm", "web");
    await world.quiet();
    expect(await world.get("vm", "web")).toBeUndefined();
    expect(await world.hypervisor.list()).toEqual([]);
    expect(world.networks.nics.size).toBe(0);
    expect([...world.disks.files.keys()]).toEqual([world.id("disk data")]);
    expect((await world.store.list("disk")).records.map(({ spec }) => spec.name)).toEqual(["data"]);
    expect(await world.store.claims("ipv4:")).toMatchObject([
      { freeAt: world.clock.now() + 60_000 },
    ]);
  });

  test("is not touched by a restart of the agent", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const before = await status();
    world.end();
    await world.begin();
    await world.pass(90_000);
    expect(await status()).toEqual(before);
    expect(world.hypervisor.faults.calls.filter((call) => call === "start")).toHaveLength(1);
  });

  test("is started again after a restart of the host", async () => {
    await world.put("vm", world.vm("web"));
    await world.put("vm", world.vm("off", { power_state: "stopped" }));
    await world.quiet();
    await world.restartHost();
    await world.begin();
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", boots: 2 });
    expect((await world.get("vm", "off"))!.status.phase).toBe("stopped");
    expect(world.networks.networks.size).toBe(1);
  });

  test("that is on the host without a record is removed, and no other is touched", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { signal } = new AbortController();
    const stray = world.id("stray");
    const nic = { nic: "eth0", networkId: world.id("network lan"), mac: "52:54:00:00:00:99" };
    await world.hypervisor.start({ ...world.hypervisor.config(web())!, vmId: stray }, signal);
    await world.networks.plug({ ...nic, vmId: stray, vmName: "stray" }, signal);
    await world.networks.plug({ ...nic, vmId: world.id("another"), vmName: "another" }, signal);
    await world.pass(60_000);
    expect(await world.hypervisor.list()).toEqual([web()]);
    expect([...world.networks.nics.keys()]).toEqual([`${web()}/eth0`]);
    expect((await status()).boots).toBe(1);
  });

  test("does nothing at rest", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { sequence } = await world.store.list("vm");
    await world.pass(600_000);
    expect((await world.store.list("vm")).sequence).toBe(sequence);
  });
});
