/** Development agents as users start them: one host each, ended with everything in it when the test ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chown, copyFile, mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { agentFiles, type AgentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { createKindClient, type KindClient } from "@lodge/schemas/kind-client.ts";
import { VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { connect, createClient, type Transport } from "@lodge/schemas/rpc/client.ts";
import { readIdentity } from "@lodge/schemas/rpc/tls.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { findAnchor } from "../../agent/src/role/dev/anchor.ts";
import { identify, isAlive } from "../../agent/src/lib/process.ts";
import { enterCommand } from "../../agent/src/role/dev/enter.ts";
import { dist } from "./executable.ts";

/** How one command of `lodge` ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What of ours is in a host. */
export interface Census {
  readonly links: readonly string[];
  readonly namespaces: readonly string[];
  readonly tables: readonly string[];
  readonly processes: readonly string[];
  /** Directories of run-time files. */
  readonly run: readonly string[];
  /** Durable files of images, disks and firmware. */
  readonly files: readonly string[];
}

/** A host with nothing of ours in it. */
export const nothing: Census = {
  links: [],
  namespaces: [],
  tables: [],
  processes: [],
  run: [],
  files: [],
};

export interface AgentOptions {
  readonly name?: string;
  /** Added to the agent's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly imageRoots?: readonly string[];
  /** Its directory is on a file system of its own inside its host, of so many MiB. */
  readonly diskMiB?: number;
  /** Whose its directory is, as where root starts it for a user; default whoever runs the tests. */
  readonly owner?: number;
  /** Shares its certificate authority, so that one client may speak to both. */
  readonly authority?: TestAgent;
}

/** A host with its agent. Disposing of it leaves nothing. */
export class TestAgent implements AsyncDisposable {
  readonly files: AgentDirectory;
  readonly #options: AgentOptions;
  readonly #transports: Transport[] = [];

  private constructor(files: AgentDirectory, options: AgentOptions) {
    this.files = files;
    this.#options = options;
  }

  /** Makes a host and starts its agent; resolves when that serves. */
  static async start(options: AgentOptions = {}): Promise<TestAgent> {
    // Short, since the paths of sockets are limited; the executables are those that scripts/test.ts has built.
    const directory = await mkdtemp("/tmp/lodge-");
    if (options.owner !== undefined) await chown(directory, options.owner, options.owner);
    const agent = new TestAgent(agentFiles(directory, options.name ?? "dev"), options);
    try {
      for (const name of options.authority ? ["ca.pem", "ca.key"] : []) {
        await copyFile(join(options.authority!.files.directory, name), join(directory, name));
      }
      await agent.up();
      if (options.diskMiB !== undefined) await agent.#moveTo(options.diskMiB);
    } catch (error) {
      await agent[Symbol.asyncDispose]();
      throw error;
    }
    return agent;
  }

  get name(): string {
    return this.files.name;
  }

  /** What makes clients find this agent. */
  get env(): { readonly LODGE_AGENT_DIR: string } {
    return { LODGE_AGENT_DIR: this.#reached().directory };
  }

  /** The provider block that names this agent alone. */
  get providerBlock(): string {
    return providerBlock([this]);
  }

  /** Starts the agent, in the host that is there or in a new one. */
  async up(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const roots = (this.#options.imageRoots ?? []).map((root) => `--image-root=${root}`);
    await this.#agent(["--detach", ...roots], { ...this.#options.env, ...env });
  }

  /** Runs a command of `lodge` against this agent; throws where it fails. */
  async lodge(...args: string[]): Promise<string> {
    const result = await this.run(...args);
    if (result.exitCode === 0) return result.stdout;
    throw new Error(
      `lodge ${args.join(" ")} ended with ${result.exitCode}\n${result.stdout}${result.stderr}`,
    );
  }

  /** The same, whatever its end. */
  run(...args: string[]): Promise<CommandResult> {
    return command(join(dist, "lodge"), args, this.env);
  }

  /** What `--output json` says. */
  // eslint-disable-next-line typescript/no-explicit-any
  async json(...args: string[]): Promise<any> {
    return JSON.parse(await this.lodge(...args, "--output", "json"));
  }

  /** The operations of a kind, straight to the agent. */
  async client<K extends KindName>(kind: K): Promise<KindClient<K>> {
    return createKindClient(kind, await this.transport());
  }

  /** A connection as the agent's own client; it ends with this host. */
  async transport(): Promise<Transport> {
    const { socket, caCertificate, clientCertificate, clientKey, name } = this.#reached();
    const identity = await readIdentity({
      ca: caCertificate,
      certificate: clientCertificate,
      key: clientKey,
    });
    const transport = connect({
      address: `unix:${socket}`,
      security: { ...identity, serverName: name },
    });
    this.#transports.push(transport);
    return transport;
  }

  /** Types a line into a VM's console; resolves when the guest has echoed it. */
  async type(vm: string, line: string): Promise<void> {
    const { id } = await (await this.client("vm")).get({ name: vm }, false);
    const client = createClient(VmService, await this.transport());
    const echoed = new AbortController();
    async function* requests() {
      yield { part: { case: "open" as const, value: { vmId: id } } };
      yield { part: { case: "input" as const, value: Buffer.from(`${line}\n`) } };
      await once(echoed.signal, "abort");
    }
    let seen = "";
    try {
      for await (const { output } of client.console(requests(), { timeoutMs: Infinity })) {
        seen += Buffer.from(output).toString("latin1");
        if (isEchoed(line, seen)) return;
      }
    } finally {
      echoed.abort();
    }
  }

  /** Runs a program inside the host; throws where it fails. */
  async inside(file: string, ...args: string[]): Promise<string> {
    const anchor = findAnchor(this.files.directory);
    if (!anchor) throw new Error("the host does not run");
    const [enter, before] = enterCommand(anchor, file, args);
    const { exitCode, stdout, stderr } = await command(enter, before);
    if (exitCode !== 0)
      throw new Error(`${file} ${args.join(" ")} ended with ${exitCode}\n${stderr}`);
    return stdout;
  }

  /** The host's root directory as this machine reaches it. */
  root(): string {
    return `/proc/${findAnchor(this.files.directory)!.pid}/root`;
  }

  /** The agent's own process as this machine sees it; undefined while none runs. */
  async pid(): Promise<number | undefined> {
    const needle = `--dir=${this.files.directory}`;
    for (const entry of await readdir("/proc")) {
      if (!/^[0-9]+$/u.test(entry)) continue;
      const text = await readFile(`/proc/${entry}/cmdline`, "utf8").catch(() => "");
      const args = text.split("\0");
      const ours = args.includes("--inside") && args.includes(needle) && !args.includes("nsenter");
      if (ours && !/nsenter/u.test(args[0] ?? "")) return Number(entry);
    }
    return undefined;
  }

  /** Ends the agent at once, as a crash would; its host and the guests stay. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    if (pid === undefined) throw new Error("the agent does not run");
    await this.gone(() => process.kill(pid, "SIGKILL"));
  }

  /** Waits until the agent's process has ended, and holds no file any more; `end` is what ends it. */
  async gone(end: () => void = () => {}): Promise<void> {
    const pid = await this.pid();
    const running = pid === undefined ? undefined : identify(pid);
    end();
    if (running) while (isAlive(running)) await sleep(20);
  }

  /** Everything of ours that is in the host: empty lists once all objects are gone. */
  async census(): Promise<Census> {
    const script = `
      ip -o link show | awk -F': ' '{print "link " $2}'
      ip netns list | awk '{print "namespace " $1}'
      nft list tables | sed 's/^/table /'
      for pid in /proc/[0-9]*; do
        tr '\\0' ' ' < $pid/cmdline 2>/dev/null | awk '{print "process " $1}'
      done
      ls /run/lodge/vm /run/lodge/network 2>/dev/null | grep -v ':$' | sed 's/^/run /'`;
    const lines = (await this.inside("sh", "-c", script)).split("\n");
    const of = (word: string, ours: RegExp): string[] =>
      lines
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => line.slice(word.length + 1).trim())
        .filter((name) => ours.test(name));
    const files = await Promise.all(
      ["images", "disks", "firmware"].map((name) =>
        readdir(join(this.files.directory, name)).catch(() => []),
      ),
    );
    return {
      links: of("link", /^lg/u),
      namespaces: of("namespace", /./u),
      tables: of("table", /lodge/u),
      processes: of("process", /qemu|dnsmasq/u),
      run: of("run", /./u),
      files: files.flat(),
    };
  }

  /** Everything that the agent has logged. */
  log(): Promise<string> {
    return readFile(join(this.files.directory, "agent.log"), "utf8");
  }

  /** Ends the host; with `purge` its state as well. */
  async down(purge: boolean): Promise<void> {
    await this.#agent(["--down", ...(purge ? ["--purge"] : [])]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const transport of this.#transports) transport.close();
    try {
      await this.down(true);
    } finally {
      await rm(this.files.directory, { recursive: true, force: true });
    }
  }

  /** The files as this machine reaches them. */
  #reached(): AgentDirectory {
    if (this.#options.diskMiB === undefined) return this.files;
    return agentFiles(`${this.root()}${this.files.directory}`, this.name);
  }

  async #moveTo(mebibytes: number): Promise<void> {
    await this.kill();
    const script = `
      cp -a "$0" /run/moved
      mount -t tmpfs -o mode=0700,size=${mebibytes}m lodge "$0"
      cp -a /run/moved/. "$0"
      rm -r /run/moved`;
    await this.inside("sh", "-e", "-c", script, this.files.directory);
    await this.up();
  }

  async #agent(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
    const fixed = ["agent", "--dev", "--name", this.name, "--dir", this.files.directory];
    const result = await command(join(dist, "lodge"), [...fixed, ...args], env);
    if (result.exitCode === 0) return;
    const log = await this.log().catch(() => "");
    throw new Error(
      `lodge agent ${args.join(" ")} ended with ${result.exitCode}\n${result.stderr}${log.slice(-4000)}`,
    );
  }
}

/** A provider block with these agents as its hosts; the first is the default one. */
export function providerBlock(agents: readonly TestAgent[]): string {
  const hosts = agents.map(
    ({ name, files }) => `    ${name} = { endpoint = "unix:${files.socket}" }`,
  );
  // Agents of tests have certificate authorities of their own, so several hosts share one only where a test sees to it.
  const { caCertificate, clientCertificate, clientKey } = agents[0]!.files;
  return `
terraform {
  required_providers {
    lodge = { source = "lodge/lodge" }
  }
}
provider "lodge" {
  hosts = {
${hosts.join("\n")}
  }
  default_host            = "${agents[0]!.name}"
  ca_certificate_file     = "${caCertificate}"
  client_certificate_file = "${clientCertificate}"
  client_key_file         = "${clientKey}"
}
`;
}

/** Whether a line stands in what was printed, also where something else was printed into the middle of it. */
function isEchoed(line: string, printed: string): boolean {
  const room = 200;
  for (let from = 0; (from = printed.indexOf(line[0]!, from)) !== -1; from++) {
    const end = Math.min(printed.length, from + line.length + room);
    let found = 0;
    for (let at = from; at < end; at++) if (printed[at] === line[found]) found++;
    if (found >= line.length) return true;
  }
  return false;
}

/** Runs a program to its end. */
export async function command(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<CommandResult> {
  const child = spawn(file, args, {
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  child.stdin.on("error", () => {}).end(input);
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (output[name] += text));
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ exitCode: code ?? 1, ...output }));
  });
}
