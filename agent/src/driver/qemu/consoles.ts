import { constants, existsSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Consoles } from "../../core/port/hypervisor.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { ConsoleReader } from "./console-reader.ts";

/** Milliseconds for which typing waits while a guest reads nothing of it. */
const patience = 10_000;

export interface QemuConsolesOptions {
  readonly layout: Layout;
  /** Whether the VM has a process that runs. */
  readonly isRunning: (vmId: string) => Promise<boolean>;
}

/**
 * The consoles of guests. What they print is read from their files alone, so that it is kept while no agent runs and has
 * one order for all readers.
 */
export class QemuConsoles implements Consoles {
  readonly #options: QemuConsolesOptions;

  constructor(options: QemuConsolesOptions) {
    this.#options = options;
  }

  async *read(
    vmId: string,
    { historyOnly }: { readonly historyOnly: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { layout, isRunning } = this.#options;
    if (historyOnly) {
      yield* this.#history(vmId, signal);
      return;
    }
    if (!existsSync(paths.vm(layout, vmId))) throw notRunning(vmId);
    await using reader = new ConsoleReader(paths.vm(layout, vmId));
    while (!signal.aborted) {
      // Whether it runs is asked first, so that what it printed last is read after.
      const running = await isRunning(vmId);
      for await (const chunk of reader.rest()) {
        if (signal.aborted) return;
        yield chunk;
      }
      if (!running) return;
      await reader.changed(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
    }
  }

  /** What the guest that runs printed; where none does, or it ends in this moment, what the last one did. */
  async *#history(vmId: string, signal: AbortSignal): AsyncIterable<Uint8Array> {
    const { layout } = this.#options;
    let found = false;
    for (const directory of [paths.vm(layout, vmId), paths.ended(layout, vmId)]) {
      if (!existsSync(directory)) continue;
      found = true;
      let printed = false;
      await using reader = new ConsoleReader(directory);
      for await (const chunk of reader.rest()) {
        if (signal.aborted) return;
        printed = true;
        yield chunk;
      }
      if (printed) return;
    }
    if (!found) throw notRunning(vmId);
  }

  async write(vmId: string, input: Uint8Array): Promise<void> {
    // Without a QEMU that reads it, the pipe cannot be opened for writing alone.
    const flags = constants.O_WRONLY | constants.O_NONBLOCK;
    const path = paths.consoleInput(this.#options.layout, vmId);
    const pipe = await open(path, flags).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENXIO") throw notRunning(vmId, error);
      throw error;
    });
    try {
      for (let rest = input; rest.length > 0;) rest = rest.subarray(await writeSome(pipe, rest));
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "EPIPE" ? notRunning(vmId, error) : error;
    } finally {
      await pipe.close();
    }
  }
}

/** Writes what there is room for; waits for room where a guest does not read, but not for ever. */
async function writeSome(pipe: FileHandle, bytes: Uint8Array): Promise<number> {
  const deadline = performance.now() + patience;
  for (;;) {
    try {
      return (await pipe.write(bytes)).bytesWritten;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") throw error;
      if (performance.now() > deadline) {
        throw lodgeError("GUEST_UNREACHABLE", "The guest does not read what is typed.");
      }
    }
    await sleep(10);
  }
}

function notRunning(vmId: string, cause?: unknown): LodgeError {
  return lodgeError("VM_NOT_RUNNING", "The VM does not run, so it has no console.", {
    kind: "vm",
    id: vmId,
    cause,
  });
}
