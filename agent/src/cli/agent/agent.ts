import { Option } from "commander";
import { agentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { objectName } from "@lodge/schemas/spec/field.ts";
import { rmdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { Define } from "../command.ts";
import { Exit } from "../exit.ts";
import { exitCodes } from "../exit-code.ts";
import type { Io } from "../io.ts";
import { outputOption, print, printItem, type OutputOptions } from "../output.ts";
import { UsageError } from "../usage-error.ts";
import type { AgentOptions, AgentRole } from "./role.ts";
import { sudoMayHelp, withSudo } from "./sudo.ts";

interface Flags extends OutputOptions {
  readonly dev?: true;
  readonly inside?: true;
  readonly detach?: true;
  readonly down?: true;
  readonly purge?: true;
  readonly name: string;
  readonly dir?: string;
  readonly listen?: string;
  readonly imageRoot: readonly string[];
  readonly readyFd?: string;
  readonly listenFd?: string;
  readonly withoutOutbound?: string;
  readonly dnsServer?: string;
}

const help = `
A development agent is a host of its own inside namespaces: its bridges, taps, firewall rules and guests touch nothing
of this machine, and end with --down. It needs no root where the kernel lets ordinary users make namespaces; elsewhere
it does the same with sudo, and says so. Several with different names are several hosts.

The agent may be killed and started again while its guests run. It keeps its state and its certificates in
~/.local/state/lodge/NAME, where client commands and Terraform find the one that is called dev; for another one set
LODGE_AGENT_DIR. Images may be copied from the directory import/ in there, and from every --image-root.

Examples:
  $ lodge agent --dev                          in the foreground; Ctrl-C ends the agent, guests run on
  $ lodge agent --dev --detach                 in the background
  $ lodge agent --dev --name rack2 --listen 127.0.0.1:6802
  $ lodge agent --dev --down                   ends agent and guests; disks, images and records stay
  $ lodge agent --dev --down --purge           leaves nothing`;

/** `lodge agent`: starts and ends a development agent. `program` is what runs this executable. */
export function agent(loadRole: () => Promise<AgentRole>, program: readonly string[]): Define {
  return (command, io) => {
    command
      .description("Starts an agent: the daemon that runs a host's VMs.")
      .option("--dev", "a development agent, inside namespaces of its own")
      .option("-d, --detach", "in the background; returns when it serves")
      .option("--name <name>", "name of the agent and its host", "dev")
      .option("--dir <directory>", "its directory (default: ~/.local/state/lodge/NAME)")
      .option("--listen <host:port>", "listen at a TCP port as well")
      .addOption(
        new Option(
          "--image-root <directory>",
          "directory that images may be copied from; repeatable",
        )
          .argParser((value: string, before: readonly string[]) => [...before, resolve(value)])
          .default([], "import/ in its directory alone"),
      )
      .option("--down", "end it, with its guests")
      .option("--purge", "with --down: remove its disks, images, records and certificates as well")
      .addOption(outputOption())
      .addOption(new Option("--inside").hideHelp())
      .addOption(new Option("--ready-fd <fd>").hideHelp())
      .addOption(new Option("--listen-fd <fd>").hideHelp())
      .addOption(new Option("--without-outbound <reason>").hideHelp())
      .addOption(new Option("--dns-server <address>").hideHelp())
      .addHelpText("after", help)
      .action(async (flags: Flags) => {
        const options = optionsOf(flags, io);
        const role = await loadRole();
        if (flags.inside) return await inside(role, options, flags, io);
        if (!flags.dev) {
          throw new UsageError("In this version there are development agents alone: add --dev.");
        }
        if (flags.purge && !flags.down) throw new UsageError("--purge goes with --down.");
        if (flags.down) return await down(role, program, options, flags, io);
        return await up(role, program, options, flags, io);
      });
  };
}

function optionsOf(flags: Flags, io: Io): AgentOptions {
  const { name, dir, listen, imageRoot } = flags;
  const valid = objectName.safeParse(name);
  if (!valid.success) throw new UsageError(`--name ${name}: ${valid.error.issues[0]!.message}.`);
  return {
    name,
    directory: dir === undefined ? agentDirectory(io.env, name) : resolve(dir),
    imageRoots: imageRoot,
    ...(listen !== undefined && { listen }),
  };
}

async function inside(role: AgentRole, options: AgentOptions, flags: Flags, io: Io): Promise<void> {
  const { readyFd, listenFd, withoutOutbound, dnsServer } = flags;
  await role.runInside(
    {
      ...options,
      ...(readyFd !== undefined && { readyFd: Number(readyFd) }),
      ...(listenFd !== undefined && { listenFd: Number(listenFd) }),
      ...(withoutOutbound !== undefined && { withoutOutbound }),
      ...(dnsServer !== undefined && { dnsServer }),
    },
    io.env,
    io.signal,
  );
  throw new Exit(exitCodes.success);
}

async function up(
  role: AgentRole,
  program: readonly string[],
  options: AgentOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const { name, directory } = options;
  const log = flags.detach ? { file: role.logFile(directory) } : { stream: io.stderr };
  let started;
  try {
    started = await role.startDevelopmentAgent(options, log, program);
  } catch (error) {
    if (!sudoMayHelp(error)) throw error;
    const output = ["--output", flags.output];
    const detach = flags.detach ? ["--detach"] : [];
    return end(await withSudo(error, program, options, [...detach, ...output], io));
  }
  const { mode, returned, endpoints, withoutOutbound } = started;
  const isDefault = directory === agentDirectory(io.env);
  printItem(
    io,
    flags.output,
    {
      name,
      directory,
      endpoints,
      mode,
      returned,
      outbound: withoutOutbound === undefined,
      log: flags.detach ? role.logFile(directory) : null,
    },
    () =>
      [
        `The agent ${name} serves at ${endpoints.join(" and ")}${returned ? "; its host was there already" : ""}.`,
        ...(withoutOutbound === undefined ? [] : [withoutOutbound]),
        ...(isDefault ? [] : [`For clients: export LODGE_AGENT_DIR=${directory}`]),
        `Images are taken from ${[role.importDirectory(directory), ...options.imageRoots].join(", ")}.`,
        flags.detach
          ? `It logs to ${role.logFile(directory)}; \`lodge agent --dev${named(flags)} --down\` ends it.`
          : `Ctrl-C ends it and lets its guests run on; \`lodge agent --dev${named(flags)} --down\` ends all.`,
      ].join("\n"),
  );
  if (flags.detach) return;
  if (io.signal.aborted) started.stop();
  else io.signal.addEventListener("abort", started.stop, { once: true });
  const code = await started.ended;
  // Being told to end is how an agent ends.
  if (io.signal.aborted) throw new Exit(exitCodes.success);
  end(code || exitCodes.failure);
}

async function down(
  role: AgentRole,
  program: readonly string[],
  options: AgentOptions,
  flags: Flags,
  io: Io,
): Promise<void> {
  const purge = flags.purge === true;
  let stopped;
  try {
    stopped = await role.stopDevelopmentAgent(options, purge);
  } catch (error) {
    if (!sudoMayHelp(error)) throw error;
    const more = ["--down", ...(purge ? ["--purge"] : []), "--output", flags.output];
    const code = await withSudo(error, program, options, more, io);
    if (purge) await removeCommonDirectory(flags, options);
    return end(code);
  }
  if (purge) await removeCommonDirectory(flags, options);
  const { name, directory } = options;
  const { wasRunning, purged, hasState } = stopped;
  if (!wasRunning && !purged && !hasState) {
    // To end what is not there is success, and a slip of the name must not pass for one.
    io.stderr.write(
      `There is no agent named ${name}: nothing runs, and nothing is in ${directory}.\n`,
    );
    if (flags.output === "table") return;
  }
  print(io, flags.output, { name, directory, was_running: wasRunning, purged }, () =>
    [
      wasRunning
        ? `The agent ${name} and everything in its host have ended.`
        : `The agent ${name} does not run.`,
      purged ? `${directory} is gone.` : `Its state stays in ${directory}.`,
    ].join("\n"),
  );
}

/** Removes the directory of all agents of this user once it is empty; one that was named with --dir is not ours. */
async function removeCommonDirectory({ dir }: Flags, { directory }: AgentOptions): Promise<void> {
  if (dir === undefined) await rmdir(dirname(directory)).catch(() => {});
}

function named({ name, dir }: Flags): string {
  return `${name === "dev" ? "" : ` --name ${name}`}${dir === undefined ? "" : ` --dir ${dir}`}`;
}

/** The exit code of a process that did our work. */
function end(code: number): void {
  if (code !== 0) throw new Exit(code);
}
