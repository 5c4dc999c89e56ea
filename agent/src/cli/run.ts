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
    .helpCommand("help [command...]", "explain a command")
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
    await program(entries, io).parseAsync([...withHelp(argv, entries)], { from: "user" });
    return io.signal.aborted ? reportFailure(io.signal.reason, io) : 0;
  } catch (thrown) {
    return reportFailure(thrown, io);
  }
}

/** `help vm list` and `vm help list` as `vm list --help`: help by itself knows one word, and not what is loaded late. */
function withHelp(argv: readonly string[], entries: readonly Entry[]): readonly string[] {
  const isNoun = entries.some(({ name, verbs }) => verbs && name === argv[0]);
  const at = argv.indexOf("help");
  const words = argv.filter((_, index) => index !== at);
  if (at !== 0 && !(at === 1 && isNoun)) return argv;
  if (words.length === 0 || words.includes("help")) return argv;
  let known: readonly Entry[] | undefined = entries;
  for (const word of words) {
    if (!known || word.startsWith("-")) break;
    const entry: Entry | undefined = known.find(({ name }) => name === word);
    // The very words, which are refused with the reason.
    if (!entry) return words;
    known = entry.verbs;
  }
  return [...words, "--help"];
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
