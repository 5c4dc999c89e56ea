import { spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { clientCommands } from "./commands.ts";
import { run } from "./run.ts";

async function script(shell: string): Promise<string> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const { signal } = new AbortController();
  const io = { stdin: new PassThrough(), stdout, stderr, env: {}, signal };
  expect(await run(["completion", shell], clientCommands, io)).toBe(0);
  return String(stdout.read());
}

const installed = (shell: string) => spawnSync(shell, ["-c", "true"]).status === 0;

/** What bash offers for a line whose last word is being typed. */
function complete(bash: string, words: readonly string[]): string[] {
  const probe = `${bash}
lodge() { echo web; echo db; }
COMP_WORDS=(lodge ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}
_lodge
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return spawnSync("bash", ["-c", probe], { encoding: "utf8" }).stdout.trim().split("\n");
}

it.each([
  { words: ["vm", "st"], offers: ["stop", "start"] },
  { words: ["v"], offers: ["vm"] },
  { words: ["vm", "console", ""], offers: ["web", "db"] },
  { words: ["vm", "console", "w"], offers: ["web"] },
  { words: ["vm", "list", "--ou"], offers: ["--output"] },
  { words: ["vm", "list", "--output", "j"], offers: ["json"] },
  { words: ["vm", "list", "-o", "j"], offers: ["json"] },
  { words: ["vm", "log", "web", "-o", ""], offers: ["table", "json"] },
  { words: ["help", "vm", "l"], offers: ["list", "log"] },
  { words: ["host", "show", "--end"], offers: ["--endpoint"] },
  { words: ["completion", "f"], offers: ["fish"] },
])("bash offers $offers after $words", async ({ words, offers }) => {
  expect(complete(await script("bash"), words)).toEqual(offers);
});

it.each(["zsh", "fish"])("%s takes the script", async (shell) => {
  const text = await script(shell);
  for (const word of ["console", "--follow", "--output", "json"]) {
    expect(text).toContain(shell === "fish" ? word.replace("--", "-l ") : word);
  }
  for (const option of ["-o|--output) ", "-s o -l output "]) {
    expect(text.includes(option)).toBe(option.startsWith("-s") === (shell === "fish"));
  }
  if (!installed(shell)) return;
  expect(spawnSync(shell, ["-n"], { input: text, encoding: "utf8" })).toMatchObject({
    status: 0,
    stderr: "",
  });
});

it("knows no other shell", async () => {
  const stderr = new PassThrough();
  const io = {
    stdin: stderr,
    stdout: stderr,
    stderr,
    env: {},
    signal: new AbortController().signal,
  };
  expect(await run(["completion", "tcsh"], clientCommands, io)).toBe(2);
  expect(String(stderr.read())).toContain("Allowed choices are bash, zsh, fish");
});
