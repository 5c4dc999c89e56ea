import { Command } from "commander";
import type { Io } from "./io.ts";

/** Fills a command: its arguments, options, help and action. */
export type Define = (command: Command, io: Io) => void;

/** A command as the overview knows it; what it does is loaded when it is asked for. */
export interface Entry {
  readonly name: string;
  readonly summary: string;
  /** The command's own file. */
  readonly load?: () => Promise<Define>;
  /** The verbs of a noun. */
  readonly verbs?: readonly Entry[];
}

const loaded = new WeakMap<Command, () => Promise<void>>();

/** A commander command for an entry; {@link loadCommand} completes it before it is used. */
export function commandOf(entry: Entry, io: Io): Command {
  const command = new Command(entry.name).summary(entry.summary).description(entry.summary);
  for (const verb of entry.verbs ?? []) command.addCommand(commandOf(verb, io));
  const { load } = entry;
  if (load) {
    let once: Promise<void> | undefined;
    loaded.set(command, () => (once ??= load().then((define) => define(command, io))));
  }
  command.hook("preSubcommand", (_, subcommand) => loadCommand(subcommand));
  return command;
}

/** Loads what a command does, once. */
export async function loadCommand(command: Command): Promise<void> {
  await loaded.get(command)?.();
}
