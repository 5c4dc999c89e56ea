import { setTimeout as sleep } from "node:timers/promises";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Machine, MachineEvent } from "../../core/port/hypervisor.ts";
import type { QemuProcess } from "../../lib/host-operations.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import type { Log } from "../../lib/log.ts";
import { isAlive } from "../../lib/process.ts";
import { backoffDelay } from "../../lib/retry.ts";
import { readLastWords, readLogTail, saysShutdown } from "./log-tail.ts";
import { diskError, givenUp, MachineEvents, machineState } from "./machine-events.ts";
import { QmpClient, type QmpOptions } from "./qmp-client.ts";

const backoff = { base: 200, max: 5_000 };

export interface SessionOptions {
  readonly layout: Layout;
  readonly process: QemuProcess;
  readonly emit: (event: MachineEvent) => void;
  /** How a process ended, where that is known. */
  readonly exit: () => Promise<QemuProcess["exit"]>;
  /** Limits of the monitor, in milliseconds. */
  readonly limits: Pick<QmpOptions, "greetingTimeout" | "answerTimeout">;
  /** Told of what fails in the background. */
  readonly log: Pick<Log, "warn">;
}

/**
 * What the agent has to do with one QEMU process: a connection to its monitor, held as long as the process lives and
 * made anew when it breaks, and the news of its end.
 */
export class Session implements Disposable {
  readonly process: QemuProcess;
  readonly #options: SessionOptions;
  readonly #events: MachineEvents;
  readonly #disposed = new AbortController();
  #client: QmpClient | undefined;
  #connecting: Promise<QmpClient> | undefined;
  #greeting = false;
  #watching = false;
  #ended = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.process = options.process;
    this.#events = new MachineEvents(options.process.vmId);
  }

  /** Whether the process still runs. */
  isAlive(): boolean {
    return isAlive(this.process);
  }

  /** Whether the process has ended, or does so at once: a process that is killed closes its sockets before it ends. */
  async hasEnded(): Promise<boolean> {
    for (let wait = 1; this.isAlive() && wait < 500; wait *= 2) await sleep(wait);
    return !this.isAlive();
  }

  /** The end of the process is no news from now on, and nothing is connected any more. */
  [Symbol.dispose](): void {
    this.#disposed.abort();
    this.#client?.[Symbol.dispose]();
  }

  /** The connection to the monitor. Throws UNAVAILABLE (reason MONITOR_FAILED) where there is none to be had now. */
  async client(signal: AbortSignal): Promise<QmpClient> {
    signal.throwIfAborted();
    this.#disposed.signal.throwIfAborted();
    if (this.#client) return this.#client;
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return untilAborted(this.#connecting, signal);
  }

  /** Connects to a process that was just started: waits for its socket as long as it lives, `limit` milliseconds at most. */
  async greeting(limit: number, signal: AbortSignal): Promise<QmpClient> {
    const deadline = performance.now() + limit;
    this.#greeting = true;
    try {
      for (let wait = 5; ; wait = Math.min(wait * 1.5, 100)) {
        try {
          return await this.client(signal);
        } catch (error) {
          signal.throwIfAborted();
          if (!this.isAlive() || performance.now() > deadline) throw error;
        }
        await sleep(wait, undefined, { signal });
      }
    } finally {
      this.#greeting = false;
      if (!this.#client && this.isAlive()) void this.#watch();
    }
  }

  /** What the guest does now. */
  async observe(signal: AbortSignal): Promise<Machine> {
    const client = await this.client(signal);
    const { status } = await client.execute("query-status", undefined, signal);
    const state = machineState(status);
    if (state !== "shutdown") this.#events.cause = undefined;
    else await this.#learnCause(status);
    const { vmId, bootId, pid, accelerator, startedAt } = this.process;
    const cause = this.#events.cause;
    const machine = { vmId, bootId, pid, accelerator, startedAt, state } as const;
    if (state === "exited") return { ...machine, detail: givenUp(status) };
    if (state === "paused" && status !== "io-error") {
      return { ...machine, ...(status !== "paused" && { detail: status }) };
    }
    if (status !== "io-error") return { ...machine, ...(cause && { cause }) };
    return { ...machine, diskError: await failingDisk(client, signal) };
  }

  /** Tries both monitors: the second one is for people, and serves where the first one's socket is gone. */
  async #connect(): Promise<QmpClient> {
    const { layout } = this.#options;
    const { vmId } = this.process;
    const signal = this.#disposed.signal;
    const connect = (path: string): Promise<QmpClient> => this.#connectTo(path, signal);
    try {
      const client = await connect(paths.qmp(layout, vmId)).catch((error: unknown) => {
        if (!this.isAlive() || signal.aborted) throw error;
        return connect(paths.debugMonitor(layout, vmId)).catch(() => {
          throw error;
        });
      });
      this.#client = client;
      void client.closed.then(() => this.#lost(client));
      return client;
    } catch (error) {
      // Its end must be noticed though there is no connection that could end; at its start, the caller sees to that.
      if (!this.#greeting) void this.#watch();
      throw error;
    }
  }

  async #connectTo(path: string, signal: AbortSignal): Promise<QmpClient> {
    const onEvent: QmpOptions["onEvent"] = (event) => {
      const news = this.#events.translate(event);
      if (news) this.#options.emit(news);
    };
    const client = await QmpClient.connect(path, { ...this.#options.limits, onEvent }, signal);
    try {
      const { UUID } = await client.execute("query-uuid", undefined, signal);
      if (UUID !== this.process.vmId) {
        throw lodgeError("MONITOR_FAILED", `the monitor ${path} is of another guest, ${UUID}`);
      }
      // What happened while nobody listened is not told again.
      const { status } = await client.execute("query-status", undefined, signal);
      if (machineState(status) === "shutdown") await this.#learnCause(status);
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  async #learnCause(status: string): Promise<void> {
    if (this.#events.cause) return;
    const { layout, emit } = this.#options;
    const { vmId } = this.process;
    const panicked = status === "guest-panicked";
    const poweredOff = panicked || (await saysShutdown(layout, vmId));
    if (this.#events.cause) return;
    const cause = panicked ? "guest_panic" : poweredOff ? "guest_shutdown" : "guest_reset";
    this.#events.cause = cause;
    emit({ type: "shutdown", vmId, cause });
  }

  #lost(client: QmpClient): void {
    if (this.#client === client) this.#client = undefined;
    void this.#watch();
  }

  /** Until there is a connection again or the process has ended; either is then told of. Never throws. */
  async #watch(): Promise<void> {
    if (this.#watching || this.#ended) return;
    this.#watching = true;
    const signal = this.#disposed.signal;
    const { emit, log } = this.#options;
    const { vmId } = this.process;
    try {
      await this.hasEnded();
      for (let failures = 1; this.isAlive(); failures++) {
        await sleep(backoffDelay(backoff, failures), undefined, { signal });
        const connected = await this.client(signal).then(
          () => true,
          () => false,
        );
        if (!connected) continue;
        // Whoever looked meanwhile saw nothing, and events in between were lost.
        if (!signal.aborted) emit({ type: "reconnected", vmId, detail: "" });
        return;
      }
      signal.throwIfAborted();
      this.#ended = true;
      const detail = await this.#lastWords();
      if (!signal.aborted) emit({ type: "exited", vmId, detail });
    } catch (error) {
      // Nobody waits for this: thrown, it would be the end of the agent.
      if (!signal.aborted) log.warn({ vm: vmId, error }, "the watch over a QEMU failed");
    } finally {
      this.#watching = false;
    }
  }

  /** How the process ended, with what QEMU said last; what of it cannot be read is left out. */
  async #lastWords(): Promise<string> {
    const { layout, log } = this.#options;
    const { vmId } = this.process;
    // Who started the process is told of its end about when its socket ends; an agent that did not never is.
    let exit: QemuProcess["exit"];
    try {
      for (let tries = 0; tries < 10 && !exit; tries++) {
        await sleep(20);
        exit = await this.#options.exit();
      }
      return await describeEnd(layout, vmId, exit);
    } catch (error) {
      log.warn({ vm: vmId, error }, "what a QEMU said last cannot be read");
      return describeExit(exit);
    }
  }
}

/** The disk for whose error QEMU has paused the guest. */
async function failingDisk(client: QmpClient, signal: AbortSignal): Promise<string> {
  const devices = await client.execute("query-block", undefined, signal);
  const found = devices.find(({ "io-status": status = "ok" }) => status !== "ok");
  return diskError(found?.inserted?.["node-name"] ?? "", found?.["io-status"] === "nospace", "");
}

/** How QEMU ended, with its last words. What is killed has none. */
export async function describeEnd(
  layout: Layout,
  vmId: string,
  exit: QemuProcess["exit"],
): Promise<string> {
  const isKilled = exit?.signal === "SIGKILL";
  const words = await (isKilled ? readLogTail(layout, vmId) : readLastWords(layout, vmId, 300));
  return [describeExit(exit), words].filter(Boolean).join(": ");
}

function describeExit(exit: QemuProcess["exit"]): string {
  if (exit?.signal) return `QEMU was ended by ${exit.signal}`;
  return exit ? `QEMU ended with exit code ${exit.code}` : "QEMU ended";
}
