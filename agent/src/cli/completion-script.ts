/** The scripts that `lodge completion` prints: tables of words, and the little that each shell needs to look them up. */

export interface CommandWords {
  /** The words that lead to the command, without `lodge`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly commands: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly {
    readonly word: string;
    /** Its short form, such as `-o`, where it has one. */
    readonly short: string | undefined;
    readonly summary: string;
    readonly takesValue: boolean;
    readonly values: readonly string[];
    /** Its value is a file or directory. */
    readonly files: boolean;
  }[];
  /** An argument of it is a VM's name. */
  readonly takesVm: boolean;
  /** The values that an argument of it can have. */
  readonly values: readonly string[];
}

const names = "$(lodge vm list --quiet 2>/dev/null)";

/** For bash 4 and later. */
export function bash(commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => {
    const options = command.options.map(({ word }) => word).join(" ");
    const rest = [...command.commands.map(({ word }) => word), ...command.values].join(" ");
    const vms = command.takesVm ? ` ${names}` : "";
    return `    ${quoted(command.path.join(" "))}) options=${quoted(options)}; words="${rest}${vms}" ;;`;
  });
  const valued = optionsWithValue(commands);
  return `# Completion of lodge for bash.
_lodge() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path="" word options="" words=""
  COMPREPLY=()
  case "$previous" in
${valued.map(({ words, values, files }) => `    ${words}) ${files ? "compopt -o default; " : ""}COMPREPLY=($(compgen -W "${values.join(" ")}" -- "$current")); return ;;`).join("\n")}
  esac
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " ${paths(commands)} " in
      *" \${path:+$path/}$word "*) path="\${path:+$path/}$word" ;;
    esac
  done
  case "\${path//\\// }" in
${cases.join("\n")}
  esac
  if [[ $current == -* ]]; then words=$options; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _lodge lodge`;
}

/** For zsh; works as a file `_lodge` of fpath and when it is sourced. */
export function zsh(commands: readonly CommandWords[]): string {
  const cases = commands.map((command) => {
    const described = command.commands.map(({ word, summary }) =>
      quoted(`${colons(word)}:${summary}`),
    );
    const options = command.options.map(({ word, summary }) =>
      quoted(`${colons(word)}:${summary}`),
    );
    const lines = [
      `options=(${options.join(" ")})`,
      `words_=(${[...described, ...command.values.map(quoted)].join(" ")})`,
      ...(command.takesVm ? [`words_+=(\${(f)"${names}"})`] : []),
    ];
    return `    ${quoted(command.path.join(" "))}) ${lines.join("; ")} ;;`;
  });
  const valued = optionsWithValue(commands);
  return `#compdef lodge
# Completion of lodge for zsh.
_lodge() {
  local path_="" word
  local -a options words_
  case "$words[CURRENT-1]" in
${valued.map(({ words, values, files }) => `    ${words}) ${files ? "_files" : `compadd -- ${values.map(quoted).join(" ")}`}; return ;;`).join("\n")}
  esac
  for word in $words[2,CURRENT-1]; do
    case " ${paths(commands)} " in
      *" \${path_:+$path_/}$word "*) path_="\${path_:+$path_/}$word" ;;
    esac
  done
  case "\${path_//\\// }" in
${cases.join("\n")}
  esac
  if [[ $words[CURRENT] == -* ]]; then _describe option options; else _describe command words_; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _lodge "$@"; else compdef _lodge lodge; fi`;
}

/** For fish 3 and later. */
export function fish(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap((command) => {
    const condition = `__lodge_at ${quoted(command.path.join(" "))}`;
    const complete = (rest: string) => `complete -c lodge -n ${quoted(condition)} ${rest}`;
    return [
      ...command.commands.map(({ word, summary }) => complete(`-a ${word} -d ${quoted(summary)}`)),
      ...command.values.map((value) => complete(`-a ${value}`)),
      ...command.options.map(({ word, short, summary, takesValue, values, files }) =>
        complete(
          [
            ...(short ? [`-s ${short.slice(1)}`] : []),
            `-l ${word.slice(2)} -d ${quoted(summary)}`,
            ...(takesValue ? [files ? "-rF" : `-x -a ${quoted(values.join(" "))}`] : []),
          ].join(" "),
        ),
      ),
      ...(command.takesVm ? [complete(`-a '(lodge vm list --quiet 2>/dev/null)'`)] : []),
    ];
  });
  return `# Completion of lodge for fish.
function __lodge_at
  set -l path
  for word in (commandline -opc)[2..]
    set -l next (string join / $path $word)
    if contains -- $next ${paths(commands)}
      set -a path $word
    end
  end
  test "$path" = "$argv[1]"
end
complete -c lodge -f
${lines.join("\n")}`;
}

function paths(commands: readonly CommandWords[]): string {
  return commands
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => path.join("/"))
    .join(" ");
}

/** Every option that a value follows, in all of its forms. */
function optionsWithValue(commands: readonly CommandWords[]) {
  const all = commands.flatMap(({ options }) => options).filter(({ takesValue }) => takesValue);
  return [...new Map(all.map((option) => [option.word, option])).values()].map((option) => ({
    ...option,
    words: [option.short, option.word].filter(Boolean).join("|"),
  }));
}

function colons(word: string): string {
  return word.replaceAll(":", "\\:");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
