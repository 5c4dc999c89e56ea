import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine, MachineEvent } from "../../agent/src/core/port/hypervisor.ts";
import type { MachineConfig } from "../../agent/src/lib/machine-config.ts";
import { QemuDisks } from "../../agent/src/driver/disk/qemu-disks.ts";
import { FileImages } from "../../agent/src/driver/image/file-images.ts";
import { QemuConsoles } from "../../agent/src/driver/qemu/consoles.ts";
import { QemuHypervisor } from "../../agent/src/driver/qemu/hypervisor.ts";
import { createQemuOperations } from "../../agent/src/host-ops/qemu/qemu-operations.ts";
import { paths, type Layout } from "../../agent/src/lib/layout.ts";
import { buildGuest } from "../../scripts/guest/build.ts";
import { guestCommandLine, timestampArgument } from "../../scripts/guest/command-line.ts";
import { limit } from "./scale.ts";

/** Milliseconds that the longest of what is waited for takes on an idle machine: a guest that prints without end. */
const longest = 15_000;

/** The part of an agent that drives QEMU, in directories of its own, and what a test wants of guests. Ends all it made. */
export class QemuHost implements AsyncDisposable {
  readonly layout: Layout;
  readonly signal: AbortSignal = new AbortController().signal;
  readonly disks: QemuDisks;
  readonly images: FileImages;
  /** What happened, in its order. */
  readonly events: MachineEvent[] = [];
  hypervisor!: QemuHypervisor;
  consoles!: QemuConsoles;
  readonly #directory: string;
  readonly #kernel: NonNullable<MachineConfig["kernel"]>;

  private constructor(directory: string, kernel: NonNullable<MachineConfig["kernel"]>) {
    this.#directory = directory;
    this.#kernel = kernel;
    this.layout = { stateDir: join(directory, "state"), runDir: join(directory, "run") };
    this.disks = new QemuDisks(this.layout);
    this.images = new FileImages({ layout: this.layout, roots: [directory] });
    this.restart();
  }

  static async create(): Promise<QemuHost> {
    const guest = await buildGuest();
    const timestamp = await timestampArgument();
    const kernel = {
      imageId: randomUUID(),
      initrdImageId: randomUUID(),
      commandLine: `${guestCommandLine} ${timestamp}`.trim(),
    };
    const host = new QemuHost(mkdtempSync(join(tmpdir(), "lodge-")), kernel);
    mkdirSync(paths.images(host.layout), { recursive: true });
    symlinkSync(guest.kernel, paths.image(host.layout, kernel.imageId));
    symlinkSync(guest.initrd, paths.image(host.layout, kernel.initrdImageId));
    return host;
  }

  /** The agent dies, and another begins; guests live on. */
  restart(): void {
    this.die();
    const operations = createQemuOperations(this.layout);
    const hypervisor = new QemuHypervisor({ layout: this.layout, operations });
    hypervisor.onEvent((event) => this.events.push(event));
    this.hypervisor = hypervisor;
    this.consoles = new QemuConsoles({
      layout: this.layout,
      isRunning: (vmId) => hypervisor.isRunning(vmId),
    });
  }

  /** The agent dies. */
  die(): void {
    this.hypervisor?.[Symbol.dispose]();
  }

  /** A small guest that nothing is plugged into. */
  config(changes: Partial<MachineConfig> = {}): MachineConfig {
    return {
      vmId: randomUUID(),
      name: "web-1",
      bootId: randomUUID(),
      cpus: 1,
      memoryBytes: 128 * 2 ** 20,
      machineType: "pc-q35-7.2",
      accelerator: "tcg",
      firmware: "bios",
      kernel: this.#kernel,
      disks: [],
      nics: [],
      ...changes,
    };
  }

  start(config: MachineConfig): Promise<Machine> {
    return this.hypervisor.start(config, this.signal);
  }

  /** Starts a guest and waits until its shell is ready. */
  async boot(config = this.config()): Promise<Machine & { readonly guestBootId: string }> {
    const machine = await this.start(config);
    const text = await this.printed(config.vmId, /ready, boot (\S+)[^]*# /);
    const guestBootId = /ready, boot (\S+)/.exec(text)![1]!;
    return { ...machine, guestBootId };
  }

  /** What the guest printed from the beginning of its kept history to where the pattern first matches. */
  async printed(vmId: string, pattern: RegExp): Promise<string> {
    const abort = AbortSignal.timeout(await limit(longest));
    let text = "";
    for await (const chunk of this.consoles.read(vmId, { historyOnly: false }, abort)) {
      text += Buffer.from(chunk).toString("latin1");
      if (pattern.test(text)) return text;
    }
    throw new Error(`the guest printed no ${pattern}, but: ${text.slice(-2000)}`);
  }

  /** What is kept of all that the guest printed. */
  async history(vmId: string): Promise<string> {
    const chunks = this.consoles.read(vmId, { historyOnly: true }, this.signal);
    return Buffer.concat(await Array.fromAsync(chunks)).toString("latin1");
  }

  /** Runs a command in the guest's shell. @returns what it printed. */
  async run(vmId: string, command: string): Promise<string> {
    const mark = randomUUID().slice(0, 8);
    // What is typed is echoed, so the mark that counts is put together by the shell.
    const line = `echo begin-''${mark}; ${command}; echo end-''${mark}\n`;
    await this.consoles.write(vmId, Buffer.from(line));
    const text = await this.printed(vmId, new RegExp(`end-${mark}`));
    const begin = `begin-${mark}\r\n`;
    return text.slice(text.indexOf(begin) + begin.length, text.indexOf(`end-${mark}`)).trim();
  }

  /** Types without waiting for anything. */
  async type(vmId: string, text: string): Promise<void> {
    await this.consoles.write(vmId, Buffer.from(text));
  }

  /** Waits for an event of the type; those that were there before count too. */
  async event<Type extends MachineEvent["type"]>(
    vmId: string,
    type: Type,
  ): Promise<Extract<MachineEvent, { readonly type: Type }>> {
    const find = (): MachineEvent | undefined =>
      this.events.find((event) => event.vmId === vmId && event.type === type);
    await this.until(() => find() !== undefined);
    return find() as Extract<MachineEvent, { readonly type: Type }>;
  }

  /** Waits until something holds. */
  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = Date.now() + (await limit(longest));
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error(`it never held that ${holds}`);
      await sleep(10);
    }
  }

  /** What is left in the directories of guests and of their firmware. */
  leftovers(): readonly string[] {
    return [paths.vms(this.layout), paths.firmware(this.layout)].flatMap((directory) =>
      existsSync(directory) ? readdirSync(directory) : [],
    );
  }

  /** The processes whose working directory is the VM's: QEMU and those that keep its output. */
  processes(vmId: string): readonly number[] {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number)
      .filter((pid) => /\/(?:vm|ended)\/([^/]*)$/u.exec(workingDirectory(pid))?.[1] === vmId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const vmId of await this.hypervisor.list()) {
      await this.hypervisor.delete(vmId, this.signal);
    }
    this.die();
    rmSync(this.#directory, { recursive: true });
  }
}

function workingDirectory(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
