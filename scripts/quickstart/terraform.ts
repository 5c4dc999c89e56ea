/** The Terraform, or OpenTofu, that the quick start runs. */
import { findProgram } from "../../agent/src/lib/program-path.ts";
import { command } from "../lib/command.ts";
import { note } from "../lib/progress.ts";

/** A program that speaks Terraform's language. */
export interface Terraform {
  readonly path: string;
  /** What people call it: `terraform` or `tofu`. */
  readonly name: "terraform" | "tofu";
  readonly version: string;
}

/** Older ones lack parts of plugin protocol 6 that the provider uses. */
const oldest = [1, 5] as const;

export interface FindOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Fetches one where there is none; answers its path. */
  readonly fetch: () => Promise<string>;
}

/** LODGE_TERRAFORM, else what PATH has and is new enough, else a fetched one. Throws with what to install. */
export async function findTerraform({ env, fetch }: FindOptions): Promise<Terraform> {
  const named = env["LODGE_TERRAFORM"];
  if (named) {
    const path = findProgram(named, env);
    const found = path === undefined ? undefined : await identify(path);
    if (found) return found;
    throw new Error(`LODGE_TERRAFORM is ${named}, which is no Terraform or OpenTofu.`);
  }
  for (const name of ["terraform", "tofu"]) {
    const path = findProgram(name, env);
    const found = path === undefined ? undefined : await identify(path);
    if (found && !isOld(found.version)) return found;
    if (found)
      note(`${found.path} is too old (${found.version}); ${oldest.join(".")} or later is needed`);
  }
  const path = await fetch();
  const fetched = await identify(path);
  if (fetched) return fetched;
  throw new Error(`${path} does not run here.`);
}

/** Both answer with `terraform_version`; only the first line of the plain answer has the name. */
async function identify(path: string): Promise<Terraform | undefined> {
  try {
    const { stdout } = await command(path, ["version"], {
      output: "read",
      env: { ...process.env, CHECKPOINT_DISABLE: "1" },
    });
    const match = /^(?<name>Terraform|OpenTofu) v(?<version>\d+\.\d+\.\d+\S*)/u.exec(stdout);
    if (!match?.groups) return undefined;
    const { name, version } = match.groups;
    return { path, name: name === "OpenTofu" ? "tofu" : "terraform", version: version! };
  } catch {
    return undefined;
  }
}

function isOld(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major < oldest[0] || (major === oldest[0] && minor < oldest[1]);
}
