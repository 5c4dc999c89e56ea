/** Guides as somebody follows them who types what stands there, in its order and in one terminal. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestAgent } from "./agent.ts";
import { textOf, versionsOf, type HclBlock } from "./hcl.ts";
import type { LodgeTerraform } from "./lodge.ts";
import { codeBlocksOf } from "./markdown.ts";

/** A command that was run. */
export interface Typed {
  readonly line: string;
  readonly stdout: string;
  /** What the guide had exported by then for Terraform. */
  readonly env: Readonly<Record<string, string>>;
}

/** How a guide is followed. */
export interface FollowOptions {
  readonly terraform: LodgeTerraform;
  readonly agent: TestAgent;
  /** Blocks of the guide's code that are left out. */
  readonly without: (block: HclBlock) => boolean;
}

const assignment = /^(?:export )?\w+=/u;
/** The test's own host and provider stand for what these lead to, nothing is downloaded, and nobody sits at the terminal. */
const skipped =
  /^(?:mkdir|unzip|curl|terraform init|lodge agent|lodge doctor|lodge vm console|lodge vm forward)\b/u;
/** The directory of a checkout, which guides call `~/lodge`. */
const checkout = join(import.meta.dirname, "..", "..");

/**
 * Runs the commands of a guide, each with the configuration and the environment that the guide has led to by then, and
 * yields what they print. Throws where one fails, or where it is neither known nor to be skipped.
 */
export async function* follow(
  markdown: string,
  { terraform, agent, without }: FollowOptions,
): AsyncGenerator<Typed, void, undefined> {
  const pieces: string[] = [];
  let env: Record<string, string> = {};
  for (const { language, text } of codeBlocksOf(markdown)) {
    if (language === "terraform") {
      pieces.push(text);
      const blocks = versionsOf(pieces).at(-1)!;
      terraform.rewrite(textOf(blocks.filter((block) => !without(block))));
    }
    if (language !== "shell") continue;
    const lines = text
      .split("\n")
      .map((line) => line.replace(/(?:^| +)#.*$/u, ""))
      .filter((line) => line !== "");
    env = { ...env, ...(await exported(lines.filter((line) => assignment.test(line)))) };
    for (const line of lines) {
      if (assignment.test(line) || skipped.test(line)) continue;
      yield { line, stdout: await type(line, env, terraform, agent), env };
    }
  }
}

async function type(
  line: string,
  env: Readonly<Record<string, string>>,
  terraform: LodgeTerraform,
  agent: TestAgent,
): Promise<string> {
  const [program, ...args] = line.split(/ +/u);
  if (program === "lodge") return agent.lodge(...args);
  if (program !== "terraform") throw new Error(`Nobody knows here how to follow: ${line}`);
  const answer = ["apply", "destroy"].includes(args[0]!) ? ["-auto-approve"] : [];
  const { stdout } = await terraform.run([...args, "-no-color", ...answer], { env });
  return stdout;
}

/** What some lines export for Terraform, from a home whose only content is the checkout. */
async function exported(lines: readonly string[]): Promise<Record<string, string>> {
  if (lines.length === 0) return {};
  const home = mkdtempSync(join(tmpdir(), "lodge-home-"));
  try {
    symlinkSync(checkout, join(home, "lodge"));
    const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
    const { stdout } = await promisify(execFile)("bash", ["-euc", `${lines.join("\n")}\nenv -0`], {
      cwd: home,
      env: { ...process.env, HOME: home, XDG_CACHE_HOME: cache },
    });
    const pairs = stdout.split("\0").map((pair) => /^(TF_VAR_\w+)=(.*)$/su.exec(pair));
    return Object.fromEntries(pairs.flatMap((pair) => (pair ? [[pair[1]!, pair[2]!]] : [])));
  } finally {
    rmSync(home, { recursive: true });
  }
}
