import { createConnection, type Socket } from "node:net";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";
import { splitLines } from "./split-lines.ts";
import type { QmpCommands, QmpEvent } from "./qmp-commands.ts";

/** QEMU's answers to what is asked here are small; a longer line is not from QEMU. */
const maxLine = 4 * 2 ** 20;

export interface QmpOptions {
  /** Milliseconds until the greeting and each answer must be there; default 5 s and a minute. */
  readonly greetingTimeout?: number;
  readonly answerTimeout?: number;
  readonly onEvent?: (event: QmpEvent) => void;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A connection to a monitor of QEMU: one JSON object per line. A monitor serves one client at a time; a second one is
 * accepted by the kernel and hears nothing, which is why the greeting has a time limit.
 */
export class QmpClient implements Disposable {
  /** Resolves when the connection has ended, with the reason. */
  readonly closed: Promise<LodgeError>;
  readonly #socket: Socket;
  readonly #path: string;
  readonly #options: QmpOptions;
  readonly #waiting = new Map<number, Waiting>();
  readonly #greeted = Promise.withResolvers<void>();
  #nextId = 1;
  #end: LodgeError | undefined;
  #resolveClosed: (reason: LodgeError) => void;

  private constructor(path: string, options: QmpOptions) {
    const { promise, resolve } = Promise.withResolvers<LodgeError>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#path = path;
    this.#options = options;
    this.#greeted.promise.catch(() => undefined);
    this.#socket = createConnection(path);
    this.#socket
      .on(
        "data",
        splitLines(maxLine, (line) => this.#receive(line)),
      )
      .on("error", (error) => this.#close(error.message, error))
      .on("close", () => this.#close("the connection ended"));
  }

  /** Connects and takes the greeting. Throws UNAVAILABLE (reason MONITOR_FAILED), or the signal's reason. */
  static async connect(path: string, options: QmpOptions, signal: AbortSignal): Promise<QmpClient> {
    signal.throwIfAborted();
    const client = new QmpClient(path, options);
    try {
      const words = "no greeting came; does another client hold the monitor?";
      await client.#within(
        client.#greeted.promise,
        options.greetingTimeout ?? 5_000,
        words,
        signal,
      );
      await client.execute("qmp_capabilities", undefined, signal);
      return client;
    } catch (error) {
      client[Symbol.dispose]();
      throw error;
    }
  }

  /** Throws INTERNAL (reason COMMAND_FAILED) with QEMU's words, UNAVAILABLE (reason MONITOR_FAILED), or the signal's reason. */
  async execute<Name extends keyof QmpCommands>(
    command: Name,
    args: QmpCommands[Name]["takes"],
    signal: AbortSignal,
  ): Promise<QmpCommands[Name]["returns"]> {
    signal.throwIfAborted();
    if (this.#end) throw this.#end;
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    // Where the signal aborts, nobody waits for it any more.
    promise.catch(() => undefined);
    this.#waiting.set(id, { resolve, reject });
    this.#socket.write(
      `${JSON.stringify({ execute: command, ...(args && { arguments: args }), id })}\n`,
    );
    try {
      const limit = this.#options.answerTimeout ?? 60_000;
      return (await this.#within(
        promise,
        limit,
        `no answer to ${command} came`,
        signal,
      )) as object & QmpCommands[Name]["returns"];
    } finally {
      this.#waiting.delete(id);
    }
  }

  [Symbol.dispose](): void {
    this.#close("the connection was closed here");
  }

  #receive(line: string | undefined): void {
    const message = line === undefined ? undefined : parse(line);
    if (message === undefined) {
      this.#close("what came is not QMP");
    } else if (typeof message["event"] === "string") {
      const data = isObject(message["data"]) ? message["data"] : {};
      this.#options.onEvent?.({ event: message["event"], data });
    } else if ("QMP" in message) {
      this.#greeted.resolve();
    } else {
      this.#answer(message);
    }
  }

  #answer(message: Readonly<Record<string, unknown>>): void {
    const waiting = this.#waiting.get(Number(message["id"]));
    if (!waiting) return;
    const error = message["error"];
    if (error === undefined) {
      waiting.resolve(message["return"] ?? {});
    } else {
      const words = isObject(error) ? String(error["desc"]) : "it gave no reason";
      waiting.reject(lodgeError("COMMAND_FAILED", `QEMU refused: ${words}`));
    }
  }

  /** Ends the connection where the time runs out, since what comes later would answer nothing. */
  async #within<T>(
    promise: Promise<T>,
    limit: number,
    words: string,
    signal: AbortSignal,
  ): Promise<T> {
    const timer = setTimeout(() => this.#close(words), limit);
    try {
      return await untilAborted(promise, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  #close(words: string, cause?: Error): void {
    if (this.#end) return;
    const message = `QEMU's monitor ${this.#path} failed: ${words}`;
    this.#end = lodgeError("MONITOR_FAILED", message, cause ? { cause } : {});
    this.#socket.destroy();
    this.#greeted.reject(this.#end);
    for (const { reject } of this.#waiting.values()) reject(this.#end);
    this.#resolveClosed(this.#end);
  }
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
