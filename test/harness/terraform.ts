/** The real Terraform (or OpenTofu), in a directory of its own, with providers as they were just built. */
import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { limit } from "./scale.ts";

/** How Terraform finds the providers: `source` address to the path of the executable. */
export type Providers = Readonly<Record<string, string>>;

/** What a working directory is made with. */
export interface TerraformOptions {
  readonly providers: Providers;
  /**
   * `overrides` takes the executables where they are, and needs no init; `mirror` installs them as a user would.
   * Default `overrides`.
   */
  readonly installation?: "overrides" | "mirror";
  /** Added to this process's environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What Terraform and the providers log into a file, whose end is shown when something fails. Default INFO. */
  readonly log?: "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR" | "OFF";
}

/** How one command ended. */
export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** Exit codes that are no failure. Default: 0 alone. */
  readonly accept?: readonly number[] | "any";
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it is interrupted, then killed. Default 2 minutes, and more on a slower machine. */
  readonly timeoutMs?: number;
}

/** What a plan would do. */
export interface Plan extends Result {
  /** Address of each resource that changes, with its actions joined by `/`: `create`, `update`, `delete/create`, … */
  readonly changes: Readonly<Record<string, string>>;
  /** Resources that were found changed since the last apply, likewise. */
  readonly drift: Readonly<Record<string, string>>;
  /** The whole, as `terraform show -json` says it. */
  // eslint-disable-next-line typescript/no-explicit-any
  readonly json: any;
}

/** A command under way. */
export interface Running {
  readonly child: ChildProcess;
  readonly result: Promise<Result>;
  /** Standard output until now. */
  stdout(): string;
  /** Sends a signal to Terraform and all that it has started, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
}

/** What no command takes on an idle machine, in milliseconds. */
const longest = 6000;

/** A working directory. Disposing of it removes it, with every process that is left in it. */
export class Terraform implements AsyncDisposable {
  readonly directory: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(options: TerraformOptions) {
    this.directory = mkdtempSync(join(tmpdir(), "lodge-tf-"));
    // Sockets of providers come here, so that what is left behind can be told from others' things.
    const temporary = join(this.directory, "tmp");
    mkdirSync(temporary);
    const cliConfig = join(this.directory, "cli.tfrc");
    writeFileSync(cliConfig, this.#installation(options));
    const log = options.log ?? "INFO";
    this.#env = {
      ...process.env,
      TMPDIR: temporary,
      HOME: this.directory,
      CHECKPOINT_DISABLE: "1",
      TF_IN_AUTOMATION: "1",
      TF_INPUT: "0",
      TF_CLI_CONFIG_FILE: cliConfig,
      TF_LOG: log === "OFF" ? undefined : log,
      TF_LOG_PATH: log === "OFF" ? undefined : this.logPath,
      ...options.env,
    };
  }

  /** What was logged, if anything was. */
  get log(): string {
    return existsSync(this.logPath) ? readFileSync(this.logPath, "utf8") : "";
  }

  get logPath(): string {
    return join(this.directory, "terraform.log");
  }

  /** Writes files of the configuration; their names are relative. */
  write(files: Readonly<Record<string, string>>): void {
    for (const [name, text] of Object.entries(files)) {
      const path = join(this.directory, name);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, text);
    }
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), "utf8");
  }

  init(...args: string[]): Promise<Result> {
    return this.run(["init", "-no-color", ...args]);
  }

  /** Plans, and reads the plan. Throws if planning fails: see {@link run} for plans that must. */
  async plan(...args: string[]): Promise<Plan> {
    const file = join(this.directory, "tmp", "plan");
    const result = await this.run(
      ["plan", "-no-color", "-detailed-exitcode", `-out=${file}`, ...args],
      { accept: [0, 2] },
    );
    // Exit code 0 says that there is nothing to read, unless something outside has changed.
    const quiet = result.exitCode === 0 && !result.stdout.includes("Objects have changed outside");
    if (quiet && !result.stdout.includes("to import"))
      return { ...result, json: {}, changes: {}, drift: {} };
    const { stdout } = await this.run(["show", "-json", file]);
    const json = JSON.parse(stdout);
    const actions = (changes: { address: string; change: { actions: string[] } }[] = []) =>
      Object.fromEntries(
        changes
          .filter(({ change }) => change.actions.join() !== "no-op")
          .map(({ address, change }) => [address, change.actions.join("/")]),
      );
    return {
      ...result,
      json,
      changes: actions(json.resource_changes),
      drift: actions(json.resource_drift),
    };
  }

  apply(...args: string[]): Promise<Result> {
    return this.run(["apply", "-no-color", "-auto-approve", ...args]);
  }

  destroy(...args: string[]): Promise<Result> {
    return this.run(["destroy", "-no-color", "-auto-approve", ...args]);
  }

  import(address: string, id: string): Promise<Result> {
    return this.run(["import", "-no-color", address, id]);
  }

  /** Addresses in the state, with their attributes. */
  // eslint-disable-next-line typescript/no-explicit-any
  async state(): Promise<Record<string, any>> {
    const { stdout } = await this.run(["show", "-json"]);
    const resources = JSON.parse(stdout).values?.root_module?.resources ?? [];
    return Object.fromEntries(
      resources.map(({ address, values }: { address: string; values: unknown }) => [
        address,
        values,
      ]),
    );
  }

  /** Values of the outputs. */
  async outputs(): Promise<Record<string, unknown>> {
    const { stdout } = await this.run(["output", "-json"]);
    const outputs = JSON.parse(stdout) as Record<string, { value: unknown }>;
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  }

  /** Runs any command to its end. Throws, with all output and the end of the log, if it ends otherwise than accepted. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    const result = await this.start(args, options).result;
    const accept = options.accept ?? [0];
    if (accept === "any" || accept.includes(result.exitCode)) return result;
    throw new Error(
      [
        `terraform ${args.join(" ")} ended with ${result.exitCode}`,
        result.stdout,
        result.stderr,
        this.log.split("\n").slice(-40).join("\n"),
      ].join("\n"),
    );
  }

  /** Starts a command in a process group of its own. */
  start(args: readonly string[], options: RunOptions = {}): Running {
    const child = spawn(terraformBinary(), args, {
      cwd: this.directory,
      env: { ...this.#env, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
    }
    const signalGroup = (signal: NodeJS.Signals) => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch {
        // It has just ended.
      }
    };
    const guard = startGuard(signalGroup, options.timeoutMs);
    const result = new Promise<Result>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => resolve({ exitCode: code ?? 1, ...output }));
    }).finally(() => guard.abort());
    return { child, result, stdout: () => output.stdout, signalGroup };
  }

  /** Processes that Terraform has started here and that still run: those with this directory in their environment. */
  processes(): number[] {
    const mark = `TMPDIR=${join(this.directory, "tmp")}`;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/u.test(name))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(mark);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  /** Sockets of providers that are still there. */
  sockets(): string[] {
    return readdirSync(join(this.directory, "tmp")).filter((name) => name.endsWith(".sock"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Providers end by themselves within two seconds; what does not is a fault, which the tests look for elsewhere.
    for (let turns = 0; turns < 50 && this.processes().length > 0; turns++) await sleep(100);
    for (const pid of this.processes()) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has just ended.
      }
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #installation({ providers, installation = "overrides" }: TerraformOptions): string {
    if (installation === "overrides") {
      const lines = Object.entries(providers).map(
        ([source, path]) => `    ${JSON.stringify(source)} = ${JSON.stringify(join(path, ".."))}`,
      );
      return `provider_installation {\n  dev_overrides {\n${lines.join("\n")}\n  }\n  direct {}\n}\n`;
    }
    const mirror = join(this.directory, "mirror");
    const platform = `linux_${process.arch === "x64" ? "amd64" : process.arch}`;
    for (const [source, path] of Object.entries(providers)) {
      const place = join(mirror, "registry.terraform.io", source, "0.1.0", platform);
      mkdirSync(place, { recursive: true });
      symlinkSync(path, join(place, `${basename(path)}_v0.1.0`));
    }
    return `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`;
  }
}

/** Ends what goes on for too long: first as Ctrl-C, then for certain. Until it is aborted. */
function startGuard(
  signalGroup: (signal: NodeJS.Signals) => void,
  timeoutMs: number | undefined,
): AbortController {
  const guard = new AbortController();
  void (async () => {
    const ms = timeoutMs ?? (await limit(longest));
    await sleep(ms, undefined, guard);
    signalGroup("SIGINT");
    await sleep(20_000, undefined, guard);
    signalGroup("SIGKILL");
  })().catch((error: unknown) => {
    if (!guard.signal.aborted) throw error;
  });
  return guard;
}

/** `LODGE_TERRAFORM` names another one than the first in PATH. */
export function terraformBinary(): string {
  const named = process.env["LODGE_TERRAFORM"];
  if (named) return named;
  const directories = (process.env["PATH"] ?? "").split(":");
  const found = ["terraform", "tofu"]
    .flatMap((name) => directories.map((directory) => join(directory, name)))
    .find((path) => existsSync(path));
  if (!found) throw new Error("neither terraform nor tofu is in PATH");
  return found;
}
