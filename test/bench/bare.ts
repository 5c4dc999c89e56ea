import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { startAnchor, stopAnchor, type Anchor } from "../../agent/src/role/dev/anchor.ts";
import { enter } from "../../agent/src/role/dev/enter.ts";
import type { BareRequest, BareSetup, BareTimes } from "./bare-host.ts";

/** A host without an agent, for starts of nothing but QEMU. */
export class BareHost implements AsyncDisposable {
  readonly #anchor: Anchor;
  readonly #directory: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(anchor: Anchor, directory: string, child: ChildProcess) {
    this.#anchor = anchor;
    this.#directory = directory;
    this.#child = child;
    this.#answers = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  }

  /** Makes the host with everything that machines need ready: taps, reservations, disks. */
  static async start(setup: Omit<BareSetup, "stateDir">): Promise<BareHost> {
    const directory = await mkdtemp("/tmp/lodge-bare-");
    const anchor = await startAnchor({ lifetime: "parent" });
    const program = join(import.meta.dirname, "bare-host.ts");
    const child = enter(anchor, process.execPath, [program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const host = new BareHost(anchor, directory, child);
    await host.#ask({ op: "prepare", setup: { ...setup, stateDir: directory } });
    return host;
  }

  /** Starts these machines at once. */
  async run(indexes: readonly number[]): Promise<readonly BareTimes[]> {
    return (await this.#ask({ op: "start", indexes })) as BareTimes[];
  }

  async #ask(request: BareRequest): Promise<unknown> {
    this.#child.stdin!.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error("the bare host has ended");
    return JSON.parse(value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stopAnchor(this.#anchor);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
