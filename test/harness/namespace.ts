/**
 * Runs test files inside development hosts: each in one of its own, that begins empty and ends with the file, however
 * that ends. So tests call the root operations in their own process, and nothing they make can be left over.
 */
import { fork, type ChildProcess } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { readlinkSync } from "node:fs";
import { resolve } from "node:path";
import type { PoolOptions, PoolRunnerInitializer, PoolWorker, WorkerRequest } from "vitest/node";
import { startAnchor, stopAnchor, type Anchor } from "../../agent/src/role/dev/anchor.ts";
import { enterCommand } from "../../agent/src/role/dev/enter.ts";

const outsideVariable = "LODGE_TEST_OUTSIDE";
const ownNetwork = (): string => readlinkSync("/proc/self/ns/net");

/** Throws unless this process runs in a namespace that the pool made, so that no test ever touches the machine's own. */
export function assertInside(): void {
  const outside = process.env[outsideVariable];
  if (outside === undefined || outside === ownNetwork()) {
    throw new Error("this test changes its host, and must run in vitest's namespace pool");
  }
}

/** The pool of vitest that does so. Throws what the machine forbids, with what helps, where no such host can be made. */
export const namespacePool: PoolRunnerInitializer = {
  name: "namespace",
  createPoolWorker: (options) => new NamespaceWorker(options),
};

type Listener = (...args: unknown[]) => void;

class NamespaceWorker implements PoolWorker {
  readonly name = "namespace";
  readonly cacheFs = true;
  readonly #options: PoolOptions;
  readonly #events = new EventEmitter();
  #anchor: Anchor | undefined;
  #child: ChildProcess | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  on(event: string, listener: Listener): void {
    this.#events.on(event, listener);
  }

  off(event: string, listener: Listener): void {
    this.#events.off(event, listener);
  }

  send(message: WorkerRequest): void {
    this.#child?.send(message);
  }

  deserialize(data: unknown): unknown {
    return data;
  }

  async start(): Promise<void> {
    const { distPath, env, execArgv, project } = this.#options;
    this.#anchor = await startAnchor({ lifetime: "parent" });
    const [file, args] = enterCommand(this.#anchor, process.execPath, execArgv);
    const child = fork(resolve(distPath, "workers/forks.js"), [], {
      execPath: file,
      execArgv: [...args],
      env: { ...env, [outsideVariable]: ownNetwork() },
      stdio: "pipe",
      serialization: "advanced",
    });
    this.#child = child;
    for (const event of ["message", "exit", "error"]) {
      child.on(event, (...values: unknown[]) => this.#events.emit(event, ...values));
    }
    child.stdout!.on("data", (chunk: Buffer) => project.vitest.logger.outputStream.write(chunk));
    child.stderr!.on("data", (chunk: Buffer) => project.vitest.logger.errorStream.write(chunk));
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (this.#anchor) await stopAnchor(this.#anchor);
    if (child && child.exitCode === null && child.signalCode === null) await once(child, "exit");
    this.#child = undefined;
  }
}
