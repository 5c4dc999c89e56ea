import { Command } from "commander";
import { commandOf, loadCommand, type Entry } from "./command.ts";
import { exitCodeHelp } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import type { Io } from "./io.ts";
import { version } from "@lodge/schemas/version.ts";

const examples = `Examples:
  $ lodge agent --dev --detach     start an agent that touches nothing of this machine
  $ lodge vm list                  what runs, and under which address
  $ lodge vm console web           talk to a guest; ~. on a new line ends it
  $ lodge vm forward web 8080:80   reach a guest's port from here
  $ lodge doctor                   what this machine lacks, and how to get it`;

/** The whole command line; what its commands do is loaded when they are asked for. */
export function program(entries: readonly Entry[], io: Io): Command {
  const root = new Command("lodge")
    .description("QEMU virtual machines on your own Linux hosts.")
    .version(version, "-V, --version", "print the version")
    .helpCommand("help [command]", "explain a command")
    .hook("preSubcommand", (_, subcommand) => loadCommand(subcommand))
    .addHelpText("after", `\n${examples}\n\n${exitCodeHelp}`);
  for (const entry of entries) root.addCommand(commandOf(entry, io));
  adjust(root, io);
  return root;
}

/** Runs a command line (without the program's own name) to its end; returns the exit code. */
export async function run(
  argv: readonly string[],
  entries: readonly Entry[],
  io: Io,
): Promise<number> {
  try {
    await program(entries, io).parseAsync([...argv], { from: "user" });
    return io.signal.aborted ? reportFailure(io.signal.reason, io) : 0;
  } catch (thrown) {
    return reportFailure(thrown, io);
  }
}

/** Output, errors and exits are ours to decide, all the way down. */
function adjust(command: Command, io: Io): void {
  command
    .exitOverride()
    .showHelpAfterError(`Run \`${path(command)} --help\` to see what it takes.`)
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error: /u, "Error: ")),
    });
  for (const child of command.commands) adjust(child, io);
}

function path(command: Command): string {
  return command.parent ? `${path(command.parent)} ${command.name()}` : command.name();
}
