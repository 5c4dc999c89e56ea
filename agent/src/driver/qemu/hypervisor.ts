import { asLodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type {
  Hypervisor,
  HypervisorCapabilities,
  Machine,
  MachineEvent,
} from "../../core/port/hypervisor.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import type { HostOperations, QemuProcess } from "../../lib/host-operations.ts";
import { diskFull, freeBytes } from "../../lib/disk-space.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { silentLog, type Log } from "../../lib/log.ts";
import { Capabilities } from "./capabilities.ts";
import { readLastWords } from "./log-tail.ts";
import { describeEnd, Session } from "./session.ts";

export interface QemuHypervisorOptions {
  readonly layout: Layout;
  readonly operations: Pick<
    HostOperations,
    "startQemu" | "stopQemu" | "listQemu" | "deleteKept" | "listKept"
  >;
  /** Default: those of the QEMU that is installed. */
  readonly capabilities?: Pick<Capabilities, "get">;
  /** How long a QEMU that was just started may take to greet, in milliseconds; default a minute. */
  readonly startLimit?: number;
  /** Limits of a monitor's greeting and answers, in milliseconds. */
  readonly monitorLimits?: { readonly greetingTimeout?: number; readonly answerTimeout?: number };
  /** Told of what fails while nobody waits for it; default nobody is. */
  readonly log?: Pick<Log, "warn">;
}

/** Bytes that must be free before a guest that found none is woken: less would only last for a moment. */
const roomToResume = 16 * 2 ** 20;

/** Guests as QEMU processes. One connection is held to each; `Symbol.dispose` lets go of them, and of no guest. */
export class QemuHypervisor implements Hypervisor, Disposable {
  readonly #options: QemuHypervisorOptions;
  readonly #capabilities: Pick<Capabilities, "get">;
  readonly #sessions = new Map<string, Session>();
  readonly #listeners = new Set<(event: MachineEvent) => void>();
  #listing: Promise<readonly QemuProcess[]> | undefined;

  constructor(options: QemuHypervisorOptions) {
    this.#options = options;
    this.#capabilities = options.capabilities ?? new Capabilities(options.layout);
  }

  [Symbol.dispose](): void {
    this.#listeners.clear();
    for (const vmId of this.#sessions.keys()) this.#drop(vmId);
  }

  capabilities(signal: AbortSignal): Promise<HypervisorCapabilities> {
    return this.#capabilities.get(signal);
  }

  async start(config: MachineConfig, signal: AbortSignal): Promise<Machine> {
    const process = await this.#options.operations.startQemu(config, signal);
    const session = this.#session(process);
    try {
      await session.greeting(this.#options.startLimit ?? 60_000, signal);
      return await session.observe(signal);
    } catch (error) {
      if (signal.aborted || !(await session.hasEnded())) throw error;
      this.#drop(config.vmId);
      const words = await this.#whyEnded(config.vmId);
      await this.#options.operations.stopQemu(config.vmId, signal);
      throw lodgeError("QEMU_FAILED", `QEMU did not start: ${words}`, {
        kind: "vm",
        id: config.vmId,
        name: config.name,
        cause: error,
      });
    }
  }

  async observe(vmId: string, signal: AbortSignal): Promise<Machine | undefined> {
    signal.throwIfAborted();
    const process = await this.#find(vmId);
    if (!process) {
      this.#drop(vmId);
      return undefined;
    }
    const session = this.#session(process);
    if (process.alive) {
      try {
        return await session.observe(signal);
      } catch (error) {
        if (signal.aborted) throw error;
        if (!(await session.hasEnded())) return unreachable(process, error);
      }
    }
    const { bootId, pid, accelerator, startedAt } = process;
    const detail = await describeEnd(this.#options.layout, vmId, process.exit);
    return { vmId, bootId, pid, accelerator, startedAt, state: "exited", detail };
  }

  async list(): Promise<readonly string[]> {
    const [processes, kept] = await Promise.all([
      this.#options.operations.listQemu(),
      this.#options.operations.listKept(),
    ]);
    return [...new Set([...processes.map(({ vmId }) => vmId), ...kept])].toSorted();
  }

  async powerDown(vmId: string, signal: AbortSignal): Promise<void> {
    const client = await (await this.#running(vmId)).client(signal);
    await client.execute("system_powerdown", undefined, signal);
  }

  async stop(vmId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    this.#drop(vmId);
    await this.#options.operations.stopQemu(vmId, signal);
  }

  async delete(vmId: string, signal: AbortSignal): Promise<void> {
    await this.stop(vmId, signal);
    await this.#options.operations.deleteKept(vmId);
  }

  async resizeDisk(vmId: string, disk: string, size: number, signal: AbortSignal): Promise<void> {
    const client = await (await this.#running(vmId)).client(signal);
    await client.execute("block_resize", { "node-name": `disk-${disk}`, size }, signal);
  }

  async resume(vmId: string, signal: AbortSignal): Promise<void> {
    const client = await (await this.#running(vmId)).client(signal);
    const directory = paths.disks(this.#options.layout);
    if ((await freeBytes(directory)) < roomToResume) {
      throw await diskFull(directory, "what the guest writes");
    }
    await client.execute("cont", undefined, signal);
  }

  async setRebootAction(
    vmId: string,
    reboot: "reset" | "shutdown",
    signal: AbortSignal,
  ): Promise<void> {
    const client = await (await this.#running(vmId)).client(signal);
    await client.execute("set-action", { reboot }, signal);
  }

  /** Whether the VM has a process that runs. */
  async isRunning(vmId: string): Promise<boolean> {
    if (this.#sessions.get(vmId)?.isAlive()) return true;
    return (await this.#find(vmId))?.alive === true;
  }

  onEvent(listener: (event: MachineEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The session of this very process; one of an earlier process of the VM is ended. */
  #session(process: QemuProcess): Session {
    const existing = this.#sessions.get(process.vmId);
    if (existing && isSame(existing.process, process)) return existing;
    existing?.[Symbol.dispose]();
    const { layout, monitorLimits = {}, log = silentLog } = this.#options;
    const session = new Session({
      layout,
      process,
      limits: monitorLimits,
      log,
      emit: (event) => {
        if (this.#sessions.get(process.vmId) === session) this.#emit(event);
      },
      exit: async () => (await this.#find(process.vmId))?.exit,
    });
    this.#sessions.set(process.vmId, session);
    return session;
  }

  #drop(vmId: string): void {
    this.#sessions.get(vmId)?.[Symbol.dispose]();
    this.#sessions.delete(vmId);
  }

  #emit(event: MachineEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Throws FAILED_PRECONDITION (reason VM_NOT_RUNNING) where no process runs. */
  async #running(vmId: string): Promise<Session> {
    const known = this.#sessions.get(vmId);
    if (known?.isAlive()) return known;
    const process = await this.#find(vmId);
    if (!process?.alive) {
      throw lodgeError("VM_NOT_RUNNING", "The VM does not run.", { kind: "vm", id: vmId });
    }
    return this.#session(process);
  }

  /** All who ask in the same turn of the event loop share one look at the host. */
  async #find(vmId: string): Promise<QemuProcess | undefined> {
    this.#listing ??= new Promise((resolve) => setImmediate(resolve)).then(() => {
      this.#listing = undefined;
      return this.#options.operations.listQemu();
    });
    return (await this.#listing).find((process) => process.vmId === vmId);
  }

  /** QEMU's own words; where it has said nothing, how it ended. */
  async #whyEnded(vmId: string): Promise<string> {
    const words = await readLastWords(this.#options.layout, vmId, 1000);
    if (words !== "") return words.replaceAll(/^qemu-system-\S+: /gm, "");
    return describeEnd(this.#options.layout, vmId, (await this.#find(vmId))?.exit);
  }
}

function isSame(a: QemuProcess, b: QemuProcess): boolean {
  return a.pid === b.pid && a.startTime === b.startTime;
}

/** What is known of a guest whose monitor is of no use. Throws what is no matter of the monitor. */
function unreachable(process: QemuProcess, error: unknown): Machine {
  const known = asLodgeError(error);
  if (!known.is("MONITOR_FAILED")) throw error;
  const { vmId, bootId, pid, accelerator, startedAt } = process;
  const machine = { vmId, bootId, pid, accelerator, startedAt };
  return { ...machine, state: "unreachable", detail: known.message };
}
