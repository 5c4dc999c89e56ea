import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { Faults } from "./faults.fake.ts";
import type {
  Consoles,
  Hypervisor,
  HypervisorCapabilities,
  Machine,
  MachineEvent,
  ShutdownCause,
} from "./hypervisor.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";

type Method = keyof Hypervisor | keyof Consoles;
type Guest = {
  readonly config: MachineConfig;
  machine: Machine;
  rebootAction: "reset" | "shutdown";
  /** What the guest sees of each disk, by its name. */
  readonly diskSizes: Map<string, number>;
  console: Uint8Array;
  typed: Uint8Array;
};

export interface FakeHypervisorOptions {
  readonly capabilities?: Partial<HypervisorCapabilities>;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Why QEMU would not start with this, such as a disk that does not exist. */
  readonly refuse?: (config: MachineConfig) => string | undefined;
  /** Whether guests power off when their button is pressed; default yes. */
  readonly obedient?: boolean;
}

/** QEMU in memory. It outlives the agent as QEMU does: give the same one to the agent's next life. */
export class FakeHypervisor implements Hypervisor, Consoles {
  readonly faults = new Faults<Method>();
  /** Whether guests power off when their button is pressed. */
  obedient: boolean;
  /** Whether the host has no room for what guests write. */
  full = false;
  /** The VMs whose monitors tell nothing. */
  readonly unreachable = new Set<string>();
  /** The VMs whose firmware keeps variables. */
  readonly firmware = new Set<string>();
  /** What the guests that have ended printed. */
  readonly ended = new Map<string, Uint8Array>();
  readonly #options: FakeHypervisorOptions;
  readonly #guests = new Map<string, Guest>();
  readonly #listeners = new Set<(event: MachineEvent) => void>();
  readonly #wakeReaders = new Set<() => void>();
  #nextPid = 1000;

  constructor(options: FakeHypervisorOptions = {}) {
    this.#options = options;
    this.obedient = options.obedient ?? true;
  }

  capabilities(signal: AbortSignal): Promise<HypervisorCapabilities> {
    signal.throwIfAborted();
    return this.faults.around("capabilities", () => ({
      qemuVersion: "7.2.0",
      machineType: "pc-q35-7.2",
      accelerator: "tcg" as const,
      acceleratorReason: "a fake emulates",
      uefi: { available: true, reason: "a fake has it" },
      ...this.#options.capabilities,
    }));
  }

  start(config: MachineConfig, signal: AbortSignal): Promise<Machine> {
    signal.throwIfAborted();
    return this.faults.around("start", () => {
      const running = this.#guests.get(config.vmId);
      if (running && running.machine.state !== "exited") return running.machine;
      const refusal = this.#options.refuse?.(config);
      if (refusal !== undefined) throw lodgeError("QEMU_FAILED", `QEMU did not start: ${refusal}`);
      if (config.firmware === "uefi" && !config.kernel) this.firmware.add(config.vmId);
      this.ended.delete(config.vmId);
      const machine: Machine = {
        vmId: config.vmId,
        bootId: config.bootId,
        pid: this.#nextPid++,
        state: "running",
        accelerator: config.accelerator,
        startedAt: (this.#options.now ?? Date.now)(),
      };
      this.#guests.set(config.vmId, {
        config,
        machine,
        rebootAction: "reset",
        diskSizes: new Map(),
        console: new Uint8Array(),
        typed: new Uint8Array(),
      });
      return machine;
    });
  }

  observe(vmId: string, signal: AbortSignal): Promise<Machine | undefined> {
    signal.throwIfAborted();
    return this.faults.around("observe", () => {
      const machine = this.#guests.get(vmId)?.machine;
      if (!machine || machine.state === "exited" || !this.unreachable.has(vmId)) return machine;
      return { ...machine, state: "unreachable", detail: "the fake's monitor does not answer" };
    });
  }

  list(): Promise<readonly string[]> {
    return this.faults.around("list", () =>
      [...new Set([...this.#guests.keys(), ...this.firmware, ...this.ended.keys()])].toSorted(),
    );
  }

  powerDown(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("powerDown", () => {
      const guest = this.#alive(vmId);
      if (this.obedient && guest.machine.state === "running") this.guestPowersOff(vmId);
    });
  }

  stop(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("stop", () => {
      const printed = this.#guests.get(vmId)?.console;
      if (printed && printed.length > 0) this.ended.set(vmId, printed);
      this.#guests.delete(vmId);
      this.#wake();
    });
  }

  delete(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("delete", () => {
      this.#guests.delete(vmId);
      this.firmware.delete(vmId);
      this.ended.delete(vmId);
      this.#wake();
    });
  }

  resizeDisk(vmId: string, disk: string, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("resizeDisk", () => {
      const guest = this.#alive(vmId);
      if (!guest.config.disks.some(({ name }) => name === disk)) {
        throw lodgeError("COMMAND_FAILED", `QEMU refused block_resize: no disk ${disk}`);
      }
      guest.diskSizes.set(disk, bytes);
    });
  }

  setRebootAction(vmId: string, action: "reset" | "shutdown", signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("setRebootAction", () => {
      this.#alive(vmId).rebootAction = action;
    });
  }

  resume(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around("resume", () => {
      const guest = this.#alive(vmId);
      if (guest.machine.state !== "paused") return;
      if (this.full) {
        throw lodgeError("DISK_FULL", "what the guest writes does not fit: nothing is free");
      }
      this.runOn(vmId);
    });
  }

  onEvent(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async *read(
    vmId: string,
    { historyOnly }: { readonly historyOnly: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const guest = await this.faults.around("read", () => {
      const printed = historyOnly && this.ended.get(vmId);
      const found = this.#guests.get(vmId) ?? (printed && { console: printed });
      if (!found) throw lodgeError("VM_NOT_RUNNING", "The VM has no console: it was not started.");
      return found;
    });
    let at = 0;
    while (!signal.aborted) {
      if (at < guest.console.length) {
        const chunk = guest.console.subarray(at);
        at = guest.console.length;
        yield chunk;
        continue;
      }
      if (historyOnly || !("machine" in guest)) return;
      if (this.#guests.get(vmId) !== guest || guest.machine.state === "exited") return;
      await this.#printed(signal);
    }
  }

  write(vmId: string, input: Uint8Array): Promise<void> {
    return this.faults.around("write", () => {
      const guest = this.#alive(vmId);
      guest.typed = Buffer.concat([guest.typed, input]);
    });
  }

  // From here on: what the world does, not the agent.

  /** The agent has died: nobody listens any more. The guests live on. */
  agentDies(): void {
    this.#listeners.clear();
  }

  guestPowersOff(vmId: string): void {
    this.#shutDown(vmId, "guest_shutdown");
  }

  guestPanics(vmId: string): void {
    this.#shutDown(vmId, "guest_panic");
  }

  /** The guest asks for a reboot; what that does is what `setRebootAction` said last. */
  guestResets(vmId: string): void {
    const guest = this.#alive(vmId);
    if (guest.rebootAction === "shutdown") this.#shutDown(vmId, "guest_reset");
    else this.#emit({ type: "reset", vmId, detail: "guest-reset" });
  }

  /** The process ends, as by SIGKILL. */
  kill(vmId: string): void {
    const guest = this.#alive(vmId);
    const { cause: _, diskError: __, ...machine } = guest.machine;
    const detail = "QEMU was ended by SIGKILL";
    guest.machine = { ...machine, state: "exited", detail };
    this.#emit({ type: "exited", vmId, detail });
    this.#wake();
  }

  /** Somebody pauses the guest; with `diskError`, QEMU does. */
  pause(vmId: string, diskError?: string): void {
    const guest = this.#alive(vmId);
    guest.machine = { ...guest.machine, state: "paused", ...(diskError && { diskError }) };
    this.#emit({ type: "paused", vmId, detail: diskError ?? "" });
  }

  runOn(vmId: string): void {
    const guest = this.#alive(vmId);
    const { diskError: _, ...machine } = guest.machine;
    guest.machine = { ...machine, state: "running" };
    this.#emit({ type: "resumed", vmId, detail: "" });
  }

  guestPrints(vmId: string, text: string): void {
    const guest = this.#alive(vmId);
    guest.console = Buffer.concat([guest.console, Buffer.from(text)]);
    this.#wake();
  }

  /** What was typed into the console. */
  typed(vmId: string): string {
    return Buffer.from(this.#alive(vmId).typed).toString();
  }

  /** What the guest was started with; undefined where nothing of it is there. */
  config(vmId: string): MachineConfig | undefined {
    return this.#guests.get(vmId)?.config;
  }

  /** The size that a running guest was told of a disk, where it was told one. */
  diskSize(vmId: string, disk: string): number | undefined {
    return this.#guests.get(vmId)?.diskSizes.get(disk);
  }

  #alive(vmId: string): Guest {
    const guest = this.#guests.get(vmId);
    if (!guest || guest.machine.state === "exited") {
      throw lodgeError("VM_NOT_RUNNING", "The VM does not run.", { kind: "vm", id: vmId });
    }
    return guest;
  }

  #shutDown(vmId: string, cause: ShutdownCause): void {
    const guest = this.#alive(vmId);
    guest.machine = { ...guest.machine, state: "shutdown", cause };
    this.#emit({ type: "shutdown", vmId, cause });
  }

  /** Later, as from a socket: never inside the call that caused it. */
  #emit(event: MachineEvent): void {
    for (const listener of this.#listeners) {
      queueMicrotask(() => {
        if (this.#listeners.has(listener)) listener(event);
      });
    }
  }

  #wake(): void {
    for (const wake of this.#wakeReaders) wake();
    this.#wakeReaders.clear();
  }

  #printed(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wakeReaders.add(resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    return promise;
  }
}
