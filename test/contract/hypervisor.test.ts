import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeHypervisor } from "../../agent/src/core/port/hypervisor.fake.ts";
import type { Consoles, Hypervisor, MachineEvent } from "../../agent/src/core/port/hypervisor.ts";
import type { MachineConfig } from "../../agent/src/lib/machine-config.ts";
import { signalProcess, identify } from "../../agent/src/lib/process.ts";
import { QemuHost } from "../harness/qemu-host.ts";

/** A hypervisor, and what guests and the world around do. */
interface World extends AsyncDisposable {
  hypervisor(): Hypervisor;
  consoles(): Consoles;
  readonly events: readonly MachineEvent[];
  config(changes?: Partial<MachineConfig>): MachineConfig;
  /** The guest greets by its name, and from then on does as it is told. */
  greeted(vmId: string): Promise<void>;
  /** The agent dies, and another takes its place when `back` is called. */
  away(): { back(): void };
  powerOff(vmId: string): Promise<void>;
  reset(vmId: string): Promise<void>;
  panic(vmId: string): Promise<void>;
  kill(vmId: string): Promise<void>;
  /** Waits until something holds. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
}

const signal = new AbortController().signal;

async function fakeWorld(): Promise<World> {
  const fake = new FakeHypervisor({
    refuse: ({ disks }) => (disks.length > 0 ? "no such disk" : undefined),
  });
  const events: MachineEvent[] = [];
  const listen = (): void => void fake.onEvent((event) => events.push(event));
  listen();
  return {
    hypervisor: () => fake,
    consoles: () => fake,
    events,
    config: (changes = {}) => ({
      vmId: randomUUID(),
      name: "web-1",
      bootId: randomUUID(),
      cpus: 1,
      memoryBytes: 128 * 2 ** 20,
      machineType: "pc-q35-7.2",
      accelerator: "tcg",
      firmware: "bios",
      disks: [],
      nics: [],
      ...changes,
    }),
    greeted: async (vmId) => fake.guestPrints(vmId, "Lodge guest web-1 ready\r\n"),
    away: () => {
      fake.agentDies();
      return { back: listen };
    },
    powerOff: async (vmId) => fake.guestPowersOff(vmId),
    reset: async (vmId) => fake.guestResets(vmId),
    panic: async (vmId) => fake.guestPanics(vmId),
    kill: async (vmId) => fake.kill(vmId),
    until: async (holds) => {
      while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
}

async function realWorld(): Promise<World> {
  const host = await QemuHost.create();
  return {
    hypervisor: () => host.hypervisor,
    consoles: () => host.consoles,
    events: host.events,
    config: (changes) => host.config(changes),
    greeted: async (vmId) => void (await host.printed(vmId, /Lodge guest web-1 ready[^]*# /)),
    away: () => {
      host.die();
      return { back: () => host.restart() };
    },
    powerOff: (vmId) => host.type(vmId, "poweroff -f\n"),
    reset: (vmId) => host.type(vmId, "reboot -f\n"),
    panic: (vmId) => host.type(vmId, "echo c >/proc/sysrq-trigger\n"),
    kill: async (vmId) => {
      const machine = await host.hypervisor.observe(vmId, signal);
      expect(signalProcess(identify(machine!.pid)!, "SIGKILL")).toBe(true);
    },
    until: (holds) => host.until(holds),
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

describe.each([
  { name: "the fake", create: fakeWorld },
  { name: "QEMU", create: realWorld },
])("a hypervisor: $name", ({ create }) => {
  let world: World;
  beforeEach(async () => {
    world = await create();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const started = async (): Promise<MachineConfig> => {
    const config = world.config();
    await world.hypervisor().start(config, signal);
    return config;
  };
  const greeted = async (): Promise<string> => {
    const { vmId } = await started();
    await world.greeted(vmId);
    return vmId;
  };
  const happened = (vmId: string, type: MachineEvent["type"]): Promise<void> =>
    world.until(() => world.events.some((event) => event.vmId === vmId && event.type === type));
  const observed = (vmId: string) => world.hypervisor().observe(vmId, signal);

  it("starts a guest once, however often it is told to", async () => {
    const config = world.config();
    const machine = await world.hypervisor().start(config, signal);
    expect(machine).toMatchObject({
      vmId: config.vmId,
      bootId: config.bootId,
      state: "running",
      accelerator: "tcg",
    });
    expect(Math.abs(Date.now() - machine.startedAt)).toBeLessThan(600_000);
    const again = await world.hypervisor().start({ ...config, bootId: randomUUID() }, signal);
    expect(again).toEqual(machine);
    expect(await observed(config.vmId)).toEqual(machine);
    expect(await world.hypervisor().list()).toEqual([config.vmId]);
  });

  it("finds the same guest after the agent was away", async () => {
    const config = await started();
    const before = await observed(config.vmId);
    world.away().back();
    expect(await observed(config.vmId)).toEqual(before);
    expect(await world.hypervisor().start(config, signal)).toEqual(before);
  });

  it("says why QEMU refuses, and leaves nothing of it", async () => {
    const config = world.config({ disks: [{ name: "root", diskId: randomUUID() }] });
    await expect(world.hypervisor().start(config, signal)).rejects.toMatchObject({
      reason: "QEMU_FAILED",
      message: expect.stringMatching(/no such/i),
    });
    expect(await observed(config.vmId)).toBeUndefined();
    expect(await world.hypervisor().list()).toEqual([]);
    expect(world.events).toEqual([]);
  });

  it("presses the power button", async () => {
    const vmId = await greeted();
    await world.hypervisor().powerDown(vmId, signal);
    await happened(vmId, "shutdown");
    expect(world.events).toEqual([{ type: "shutdown", vmId, cause: "guest_shutdown" }]);
    expect(await observed(vmId)).toMatchObject({ state: "shutdown", cause: "guest_shutdown" });
    await world.hypervisor().powerDown(vmId, signal);
  });

  it("knows why a guest ended itself while the agent was away", async () => {
    const vmId = await greeted();
    await world.powerOff(vmId);
    await happened(vmId, "shutdown");
    world.away().back();
    expect(await observed(vmId)).toMatchObject({ state: "shutdown", cause: "guest_shutdown" });
  });

  it("lets a guest reboot, or ends it then, as it was told", async () => {
    const vmId = await greeted();
    await world.reset(vmId);
    await happened(vmId, "reset");
    expect(await observed(vmId)).toMatchObject({ state: "running" });
    await world.hypervisor().setRebootAction(vmId, "shutdown", signal);
    await world.greeted(vmId);
    await world.until(async () => {
      await world.reset(vmId).catch(() => undefined);
      return world.events.some(({ type }) => type === "shutdown");
    });
    expect(world.events.at(-1)).toEqual({ type: "shutdown", vmId, cause: "guest_reset" });
    world.away().back();
    expect(await observed(vmId)).toMatchObject({ state: "shutdown", cause: "guest_reset" });
  });

  it("tells of a panic", async () => {
    const vmId = await greeted();
    await world.panic(vmId);
    await happened(vmId, "shutdown");
    expect(world.events).toEqual([{ type: "shutdown", vmId, cause: "guest_panic" }]);
    world.away().back();
    expect(await observed(vmId)).toMatchObject({ state: "shutdown", cause: "guest_panic" });
  });

  it("tells of a process that was killed, until it is removed", async () => {
    const { vmId } = await started();
    await world.kill(vmId);
    await happened(vmId, "exited");
    expect(world.events).toEqual([
      { type: "exited", vmId, detail: expect.stringContaining("SIGKILL") },
    ]);
    expect(await observed(vmId)).toMatchObject({
      state: "exited",
      detail: expect.stringContaining("SIGKILL"),
    });
    expect(await world.hypervisor().list()).toEqual([vmId]);
    await world.hypervisor().stop(vmId, signal);
    expect(await observed(vmId)).toBeUndefined();
  });

  it("starts a guest anew whose process was killed while the agent was away", async () => {
    const config = await started();
    const pid = (await observed(config.vmId))!.pid;
    await world.kill(config.vmId);
    world.away().back();
    await world.until(async () => (await observed(config.vmId))?.state === "exited");
    const bootId = randomUUID();
    const machine = await world.hypervisor().start({ ...config, bootId }, signal);
    expect(machine).toMatchObject({ state: "running", bootId });
    expect(machine.pid).not.toBe(pid);
  });

  it("stops a guest for certain, as often as it is told to, without calling that news", async () => {
    const { vmId } = await started();
    await world.hypervisor().stop(vmId, signal);
    await world.hypervisor().stop(vmId, signal);
    await world.hypervisor().delete(vmId, signal);
    expect(await observed(vmId)).toBeUndefined();
    expect(await world.hypervisor().list()).toEqual([]);
    expect(world.events).toEqual([]);
  });

  it("says so where no guest runs", async () => {
    const vmId = randomUUID();
    const words = { reason: "VM_NOT_RUNNING" };
    const hypervisor = world.hypervisor();
    await expect(hypervisor.powerDown(vmId, signal)).rejects.toMatchObject(words);
    await expect(hypervisor.resizeDisk(vmId, "root", 1, signal)).rejects.toMatchObject(words);
    await expect(hypervisor.setRebootAction(vmId, "reset", signal)).rejects.toMatchObject(words);
    await expect(world.consoles().write(vmId, Buffer.from("x"))).rejects.toMatchObject(words);
    const reading = Array.fromAsync(world.consoles().read(vmId, { historyOnly: true }, signal));
    await expect(reading).rejects.toMatchObject(words);
    expect(await observed(vmId)).toBeUndefined();
  });

  it("refuses to resize a disk that the guest does not have", async () => {
    const { vmId } = await started();
    await expect(
      world.hypervisor().resizeDisk(vmId, "other", 2 ** 30, signal),
    ).rejects.toMatchObject({ reason: "COMMAND_FAILED" });
  });

  it("shows what the guest printed to whoever asks, and ends with its process", async () => {
    const vmId = await greeted();
    const follow = Array.fromAsync(world.consoles().read(vmId, { historyOnly: false }, signal));
    const history = await Array.fromAsync(
      world.consoles().read(vmId, { historyOnly: true }, signal),
    );
    expect(Buffer.concat(history).toString()).toContain("Lodge guest web-1 ready");
    await world.kill(vmId);
    expect(Buffer.concat(await follow).toString()).toContain("Lodge guest web-1 ready");
  });

  it("keeps what a guest printed for those who ask later, until the next boot or the deletion", async () => {
    const config = world.config();
    const { vmId } = config;
    const history = async (): Promise<string> => {
      const chunks = world.consoles().read(vmId, { historyOnly: true }, signal);
      return Buffer.concat(await Array.fromAsync(chunks)).toString();
    };
    const greeting = "Lodge guest web-1 ready";
    const follow = () =>
      Array.fromAsync(world.consoles().read(vmId, { historyOnly: false }, signal));
    const absent = { reason: "VM_NOT_RUNNING" };
    await world.hypervisor().start(config, signal);
    await world.greeted(vmId);
    await world.panic(vmId);
    await happened(vmId, "shutdown");
    await world.hypervisor().stop(vmId, signal);
    expect(await history()).toContain(greeting);
    await expect(follow()).rejects.toMatchObject(absent);
    await world.hypervisor().stop(vmId, signal);
    world.away().back();
    expect(await history()).toContain(greeting);
    expect(await world.hypervisor().list()).toEqual([vmId]);
    expect(await observed(vmId)).toBeUndefined();

    await world.hypervisor().start({ ...config, name: "web-2", bootId: randomUUID() }, signal);
    expect(await history()).not.toContain(greeting);
    await world.hypervisor().delete(vmId, signal);
    await expect(history()).rejects.toMatchObject(absent);
    expect(await world.hypervisor().list()).toEqual([]);
  });

  it("ends a reader with its signal", async () => {
    const vmId = await greeted();
    const abort = new AbortController();
    let text = "";
    for await (const chunk of world.consoles().read(vmId, { historyOnly: false }, abort.signal)) {
      text += Buffer.from(chunk).toString();
      abort.abort();
    }
    expect(text).toContain("Lodge guest");
  });
});
