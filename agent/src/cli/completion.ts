import { Argument, type Command } from "commander";
import { loadCommand, type Define } from "./command.ts";
import { writeLine } from "./io.ts";
import { bash, fish, zsh, type CommandWords } from "./completion-script.ts";

const scripts = { bash, zsh, fish } as const;
type Shell = keyof typeof scripts;

/** `lodge completion`: a script for the shell, with every command and option of this version. */
export const completion: Define = (command, io) => {
  command
    .description("Prints a script that makes a shell complete commands, options and names of VMs.")
    .addArgument(new Argument("<shell>").choices(Object.keys(scripts)))
    .addHelpText(
      "after",
      `
Examples:
  $ source <(lodge completion bash)
  $ lodge completion zsh > "\${fpath[1]}/_lodge"
  $ lodge completion fish > ~/.config/fish/completions/lodge.fish`,
    )
    .action(async (shell: Shell) => {
      const root = command.parent!;
      writeLine(io.stdout, scripts[shell](await words(root)));
    });
};

/** All commands below `command` with what can follow each. */
async function words(command: Command, path: readonly string[] = []): Promise<CommandWords[]> {
  await loadCommand(command);
  const nested = await Promise.all(
    command.commands.map((child) => words(child, [...path, child.name()])),
  );
  const own: CommandWords = {
    path,
    summary: command.summary(),
    commands: command.commands.map((child) => ({ word: child.name(), summary: child.summary() })),
    options: command
      .createHelp()
      .visibleOptions(command)
      .filter((option) => option.long)
      .map((option) => ({
        word: option.long!,
        short: option.short,
        summary: option.description,
        takesValue: option.required || option.optional,
        values: option.argChoices ?? [],
        files: /-(?:dir|file|directory|root)$/u.test(option.long!),
      })),
    takesVm: command.registeredArguments.some((argument) => argument.name() === "vm"),
    values: command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
  };
  return [own, ...nested.flat()];
}
