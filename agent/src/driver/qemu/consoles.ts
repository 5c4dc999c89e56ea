import { existsSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Consoles } from "../../core/port/hypervisor.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { ConsoleReader } from "./console-reader.ts";

/** Milliseconds for which a console that was typed into is kept open: connecting for each key would be slow. */
const idleLimit = 30_000;

export interface QemuConsolesOptions {
  readonly layout: Layout;
  /** Whether the VM has a process that runs. */
  readonly isRunning: (vmId: string) => Promise<boolean>;
}

/**
 * The consoles of guests. What they print is read from their files alone, so that it is kept while no agent runs and has
 * one order for all readers; their sockets are only typed into.
 */
export class QemuConsoles implements Consoles, Disposable {
  readonly #options: QemuConsolesOptions;
  readonly #typing = new Map<string, Promise<Socket>>();

  constructor(options: QemuConsolesOptions) {
    this.#options = options;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#typing.values()) {
      void socket.then((open) => open.destroy()).catch(() => undefined);
    }
    this.#typing.clear();
  }

  async *read(
    vmId: string,
    { historyOnly }: { readonly historyOnly: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array> {
    const { layout, isRunning } = this.#options;
    if (!existsSync(paths.vm(layout, vmId))) throw notRunning(vmId);
    await using reader = new ConsoleReader(layout, vmId);
    while (!signal.aborted) {
      // Whether it runs is asked first, so that what it printed last is read after.
      const running = !historyOnly && (await isRunning(vmId));
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

  async write(vmId: string, input: Uint8Array): Promise<void> {
    let connecting = this.#typing.get(vmId);
    if (!connecting) {
      connecting = this.#connect(vmId);
      this.#typing.set(vmId, connecting);
    }
    const socket = await connecting;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket.write(input, (error) => (error ? reject(notRunning(vmId, error)) : resolve()));
    await promise;
  }

  async #connect(vmId: string): Promise<Socket> {
    const socket = createConnection(paths.console(this.#options.layout, vmId));
    const forget = (): void => void this.#typing.delete(vmId);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    socket
      .once("connect", resolve)
      .on("error", (error) => reject(notRunning(vmId, error)))
      .once("close", forget)
      // Whoever is connected must take what the guest prints, or the guest stands still.
      .resume()
      .setTimeout(idleLimit, () => socket.destroy());
    await promise;
    return socket;
  }
}

function notRunning(vmId: string, cause?: Error): LodgeError {
  return lodgeError("VM_NOT_RUNNING", "The VM does not run, so it has no console.", {
    kind: "vm",
    id: vmId,
    ...(cause && { cause }),
  });
}
