import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
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

describe("a VM in trouble", () => {
  test("is stopped by force where the guest does not obey in time", async () => {
    world.hypervisor.obedient = false;
    await world.put("vm", world.vm("web"));
    await world.quiet();
    await world.put("vm", world.vm("web", { power_state: "stopped", shutdown_timeout: "10s" }));
    await world.pass(9_999);
    expect(await status()).toMatchObject({ phase: "stopping", actual_power_state: "running" });
    await world.pass(1);
    expect(await status()).toMatchObject({ phase: "stopped", reason: "FORCED_STOP" });
    expect(await log()).toContain("forced_stop");
  });

  test("that cannot be asked says so, runs on, is ended in time, and is well once it answers", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { pid } = await status();
    const unreachable = { phase: "running", reason: "MONITOR_FAILED", pid };
    world.hypervisor.unreachable.add(web());
    // An agent that knows it, and one that finds it so.
    await world.pass(60_000);
    expect(await status()).toMatchObject(unreachable);
    world.end();
    await world.begin();
    await world.quiet();
    expect(await status()).toMatchObject(unreachable);
    expect((await status()).message).toContain("does not answer");
    world.hypervisor.unreachable.clear();
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "running", reason: "", pid, boots: 1 });

    world.hypervisor.unreachable.add(web());
    await world.pass(60_000);
    await world.put("vm", world.vm("web", { power_state: "stopped", shutdown_timeout: "10s" }));
    await world.pass(9_999);
    expect(await status()).toMatchObject({ phase: "stopping", reason: "MONITOR_FAILED" });
    await world.pass(1);
    expect(await status()).toMatchObject({ phase: "stopped", reason: "FORCED_STOP", pid: null });
    const looks = world.hypervisor.faults.calls.length;
    await world.put("vm", world.vm("web"));
    world.hypervisor.unreachable.clear();
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", reason: "", boots: 2 });
    expect(world.hypervisor.faults.calls.length - looks).toBeLessThan(20);
  });

  test("that stands still stays so while it cannot be asked", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.hypervisor.pause(web());
    await world.quiet();
    world.hypervisor.unreachable.add(web());
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "paused", reason: "MONITOR_FAILED" });
    expect(await log()).not.toContain("resumed");
  });

  test("keeps the deadline of a stop over a restart of the agent", async () => {
    world.hypervisor.obedient = false;
    await world.put("vm", world.vm("web", { shutdown_timeout: "10s" }));
    await world.quiet();
    await world.put("vm", world.vm("web", { shutdown_timeout: "10s", power_state: "stopped" }));
    await world.pass(6_000);
    world.end();
    world.clock.advance(3_000);
    await world.begin();
    await world.pass(997);
    expect((await status()).phase).toBe("stopping");
    await world.pass(1);
    expect((await status()).phase).toBe("stopped");
  });

  test("stays off where its guest powered itself off, until the next apply", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.hypervisor.guestPowersOff(web());
    await world.pass(120_000);
    expect(await status()).toMatchObject({
      phase: "stopped",
      reason: "GUEST_SHUTDOWN",
      message:
        "The guest powered itself off. It stays off until the next apply, or `lodge vm start web`.",
      actual_power_state: "stopped",
    });
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "running", reason: "", boots: 2 });
  });

  test("stays off where its guest powered itself off while no agent was there", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.end();
    world.hypervisor.guestPowersOff(web());
    await world.begin();
    await world.pass(120_000);
    expect(await status()).toMatchObject({ phase: "stopped", reason: "GUEST_SHUTDOWN" });
    expect(world.hypervisor.config(web())).toBeUndefined();
  });

  test("is started again, with its disks mended, where QEMU was killed", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { boot_id } = await status();
    const checks = () => world.disks.faults.calls.filter((call) => call === "check").length;
    expect(checks()).toBe(0);
    world.hypervisor.kill(web());
    await world.quiet();
    expect(await status()).toMatchObject({ phase: "failed", reason: "QEMU_EXITED" });
    expect((await status()).message).toContain("SIGKILL");
    await world.pass(1_000);
    expect(await status()).toMatchObject({ phase: "running", reason: "", boots: 2 });
    expect((await status()).boot_id).not.toBe(boot_id);
    expect(checks()).toBe(1);
  });

  test("has its disks mended each time, also where a start that seemed to fail had not", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const checks = () => world.disks.faults.calls.filter((call) => call === "check").length;
    world.hypervisor.kill(web());
    world.hypervisor.faults.failNext("start", lodgeError("QEMU_FAILED", "no answer"), "after");
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "running" });
    expect(checks()).toBe(1);
    world.hypervisor.kill(web());
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "running" });
    expect(checks()).toBe(2);
  });

  test("waits longer after each failed start, and starts at once after an apply", async () => {
    const refuse = () =>
      world.hypervisor.faults.failNext("start", lodgeError("QEMU_FAILED", "no such device"));
    for (let i = 0; i < 5; i++) refuse();
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect(await status()).toMatchObject({
      phase: "failed",
      reason: "QEMU_FAILED",
      message: "no such device",
    });
    const starts = () => world.hypervisor.faults.calls.filter((call) => call === "start").length;
    const seen = [];
    for (let i = 0; i < 7; i++) {
      seen.push(starts());
      await world.pass(1_000);
    }
    expect(seen).toEqual([1, 2, 2, 3, 3, 3, 3]);
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect([starts(), (await status()).phase]).toEqual([5, "failed"]);
    await world.put("vm", world.vm("web"));
    await world.quiet();
    expect([starts(), (await status()).phase]).toEqual([6, "running"]);
  });

  test("stands still while its disk is full, says so, and runs on once there is room", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const { boot_id } = await status();
    world.hypervisor.full = true;
    world.hypervisor.pause(web(), "disk root: the host's file system is full");
    await world.pass(60_000);
    expect(await status()).toMatchObject({
      phase: "paused",
      reason: "DISK_FULL",
      message: "what the guest writes does not fit: nothing is free",
      actual_power_state: "running",
    });
    world.hypervisor.full = false;
    await world.pass(16_000);
    expect(await status()).toMatchObject({ phase: "running", reason: "", boot_id, boots: 1 });
    expect(await log()).toEqual(["started", "paused", "resumed"]);
  });

  test("stands still where somebody paused it, until that one lets it go", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    world.hypervisor.pause(web());
    await world.pass(600_000);
    expect(await status()).toMatchObject({ phase: "paused", reason: "PAUSED" });
    world.hypervisor.runOn(web());
    await world.quiet();
    expect((await status()).phase).toBe("running");
  });

  test("does not start on an interface that was taken away by half", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const failure = lodgeError("COMMAND_FAILED", "device busy");
    world.networks.faults.failNext("unplug", failure, "during");
    await world.put("vm", world.vm("web", { power_state: "stopped" }));
    await world.quiet();
    expect(world.networks.nics.get(`${web()}/eth0`)!.whole).toBe(false);
    await world.put("vm", world.vm("web"));
    await world.pass(5_000);
    expect(await status()).toMatchObject({ phase: "running", boots: 2 });
    expect(world.networks.nics.get(`${web()}/eth0`)!.whole).toBe(true);
  });

  test("goes while the disks of many others are mended, and while its own waits for that", async () => {
    const turns = async () => {
      for (let i = 0; i < 300; i++) await new Promise((resolve) => setImmediate(resolve));
    };
    const names = Array.from({ length: 40 }, (_, i) => `vm${i}`);
    for (const name of names) await world.put("vm", world.vm(name, { nics: {} }));
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const goOn = Promise.withResolvers<void>();
    let checking = 0;
    world.disks.faults.hook = async (method, moment) => {
      if (method !== "check" || moment !== "before") return;
      checking += 1;
      await goOn.promise;
    };
    for (const name of names) world.hypervisor.kill(world.id(`vm ${name}`));
    await turns();
    world.clock.advance(2000);
    await turns();
    expect(checking).toBe(4);
    await world.delete("vm", "web");
    const [mended, waiting] = [names[0]!, names.at(-1)!];
    await world.delete("vm", waiting);
    await turns();
    expect(await world.get("vm", "web")).toBeUndefined();
    expect(await world.get("vm", waiting)).toBeUndefined();
    expect((await world.get("vm", mended))!.status.phase).not.toBe("running");
    goOn.resolve();
    await world.pass(1000);
    expect((await world.get("vm", mended))!.status.phase).toBe("running");
  });

  test("that is deleted while it is looked at does not have its disks mended first", async () => {
    await world.put("vm", world.vm("web"));
    await world.quiet();
    const checks = () => world.disks.faults.calls.filter((call) => call === "check").length;
    world.disks.faults.failNext("check", lodgeError("COMMAND_FAILED", "device busy"));
    world.hypervisor.kill(web());
    await world.quiet();
    expect(checks()).toBe(1);
    world.hypervisor.faults.hook = async (method, moment) => {
      if (method !== "observe" || moment !== "before") return;
      world.hypervisor.faults.hook = undefined;
      await world.delete("vm", "web");
      world.clock.advance(2000);
    };
    await world.core.sweep();
    await world.pass(2000);
    expect(checks()).toBe(1);
    expect(await world.get("vm", "web")).toBeUndefined();
  });

  describe("with a step that fails again and again", () => {
    const failure = lodgeError("COMMAND_FAILED", "device busy");
    const grown = () => ({ root: { image_id: world.id("image debian"), size: "2GiB" } });
    const failing = (which: { readonly plug?: boolean; readonly resizeDisk?: boolean }): void => {
      world.networks.faults.hook = (method) => {
        if (which.plug && method === "plug") throw failure;
      };
      world.hypervisor.faults.hook = (method) => {
        if (which.resizeDisk && method === "resizeDisk") throw failure;
      };
    };

    test("goes at once when it is deleted", async () => {
      failing({ plug: true });
      await world.put("vm", world.vm("web"));
      await world.pass(900_000);
      expect(await status()).toMatchObject({ phase: "failed", reason: "COMMAND_FAILED" });
      await world.delete("vm", "web");
      await world.quiet();
      expect(await world.get("vm", "web")).toBeUndefined();
      expect(world.disks.files.size).toBe(0);
    });

    test("follows another wish at once", async () => {
      failing({ plug: true });
      await world.put("vm", world.vm("web"));
      await world.pass(900_000);
      await world.put("vm", world.vm("web", { nics: {} }));
      await world.quiet();
      expect(await status()).toMatchObject({ phase: "running", reason: "" });
    });

    test("is asked to shut down, not ended by force", async () => {
      await world.put("vm", world.vm("web"));
      await world.quiet();
      failing({ resizeDisk: true });
      await world.put("vm", world.vm("web", { disks: grown() }));
      await world.pass(900_000);
      expect(await status()).toMatchObject({ phase: "running", reason: "COMMAND_FAILED" });
      await world.core.restart({ id: web(), bootId: "", force: false });
      await world.quiet();
      expect((await log()).slice(-3)).toEqual(["stopping", "stopped", "started"]);
    });

    test("waits longer each time, also where two fail by turns", async () => {
      await world.put("vm", world.vm("web"));
      await world.quiet();
      failing({ plug: true, resizeDisk: true });
      const { spec, specRevision: expectedRevision } = (await world.get("vm", "web"))!;
      const disks = { root: { ...spec.disks["root"]!, size: 2 ** 31 } };
      const wish = { ...spec, name: "www", disks };
      await world.core.services.vm.put(
        { id: web(), spec: wish, expectedRevision },
        world.principal,
      );
      await world.pass(3_600_000);
      const tries = world.hypervisor.faults.calls.filter((call) => call === "resizeDisk").length;
      const plugs = world.networks.faults.calls.filter((call) => call === "plug").length;
      expect(tries).toBeGreaterThan(5);
      expect(tries + plugs).toBeLessThan(300);
    });
  });
});
