/** The command line `lodge`, as the quick start uses it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { command, type CommandOptions } from "../lib/command.ts";
import { agentName, root, type Places } from "./places.ts";

/** A VM, as far as the quick start looks at it. */
interface VmFacts {
  readonly status: {
    readonly nic_status: readonly {
      readonly ipv4_address?: string;
      readonly acknowledged: boolean;
    }[];
  };
}

/** Runs the built command line; before it is built, and after it was removed, its sources. */
export class Lodge {
  readonly #env: NodeJS.ProcessEnv;
  readonly #signal: AbortSignal;

  constructor({ agent }: Places, env: NodeJS.ProcessEnv, signal: AbortSignal) {
    this.#env = { ...env, LODGE_AGENT_DIR: agent };
    this.#signal = signal;
  }

  /** Whether the quick start's agent answers. */
  async answers(): Promise<boolean> {
    const { exitCode } = await this.#run(["host", "show"], { accept: [0, 1, 2, 3, 4, 5, 6] });
    return exitCode === 0;
  }

  /** Starts the agent in the background. It may ask for a password where only root may do that. */
  async startAgent(): Promise<void> {
    await this.#run(["agent", "--dev", "--detach", `--name=${agentName}`], {
      output: "show",
      terminal: true,
    });
  }

  /** Ends the agent with everything in its host, and removes its directory. */
  async removeAgent(): Promise<void> {
    const args = ["agent", "--dev", "--down", "--purge", `--name=${agentName}`];
    await this.#run(args, { output: "show", terminal: true });
  }

  async host(): Promise<{ readonly accelerator: string; readonly accelerator_reason: string }> {
    return JSON.parse(await this.#read(["host", "show", "--output", "json"]));
  }

  /** What the guest has said so far. */
  console(vm: string): Promise<string> {
    return this.#read(["vm", "console", vm, "--history"]);
  }

  /** The address that the guest has acknowledged; undefined while it has not. */
  async acknowledgedAddress(vm: string): Promise<string | undefined> {
    const facts = JSON.parse(await this.#read(["vm", "show", vm, "--output", "json"])) as VmFacts;
    return facts.status.nic_status.find(({ acknowledged }) => acknowledged)?.ipv4_address;
  }

  async #read(args: readonly string[]): Promise<string> {
    return (await this.#run(args, { output: "read" })).stdout;
  }

  #run(args: readonly string[], options: CommandOptions) {
    const built = join(root, "dist", "lodge");
    const sources = join(root, "agent", "src", "main.ts");
    const [file, ...first] = existsSync(built) ? [built] : [process.execPath, sources];
    return command(file, [...first, ...args], {
      ...options,
      env: this.#env,
      signal: this.#signal,
    });
  }
}
