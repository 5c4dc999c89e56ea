/** Terraform's working directory: the example as it stands in the documentation, and where its provider comes from. */
import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { version } from "@lodge/schemas/version.ts";
import { programPath } from "../../agent/src/lib/program-path.ts";
import { root, type Places } from "./places.ts";

/** What the example's variables are set to. */
export interface Variables {
  readonly kernel: string;
  readonly initrd: string;
  readonly command_line: string;
}

const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** Fills the working directory. What an earlier run left there, its state above all, stays. */
export async function prepareWorkspace({ work }: Places, variables: Variables): Promise<void> {
  await mkdir(work, { recursive: true });
  await copyFile(join(root, "docs", "examples", "quickstart", "main.tf"), join(work, "main.tf"));
  await writeFile(
    join(work, "terraform.tfvars.json"),
    `${JSON.stringify(variables, undefined, 2)}\n`,
  );
  // A provider built since then has another digest than the one that was locked.
  await rm(join(work, ".terraform.lock.hcl"), { force: true });
  await installProvider(work);
}

/** What Terraform runs with: none of the user's own settings, and the quick start's agent. */
export function terraformEnvironment(
  { agent, work }: Places,
  env: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(
    ([name]) =>
      !/^(?:TF_(?!LOG)|TOFU_|LODGE_(?:ENDPOINT|HOST|DEFAULT_HOST|CA_|CLIENT_))/u.test(name),
  );
  return {
    ...Object.fromEntries(own),
    PATH: programPath(env),
    TF_CLI_CONFIG_FILE: join(work, "terraform.rc"),
    TF_IN_AUTOMATION: "1",
    TF_INPUT: "0",
    CHECKPOINT_DISABLE: "1",
    ...(process.stdout.isTTY && !env["NO_COLOR"] ? {} : { TF_CLI_ARGS: "-no-color" }),
    LODGE_AGENT_DIR: agent,
  };
}

/** A mirror in the file system, which `init` installs from as it would from the registry: nothing is downloaded. */
async function installProvider(work: string): Promise<void> {
  const mirror = join(work, "mirror");
  const platform = `linux_${architectures[process.arch] ?? process.arch}`;
  for (const registry of ["registry.terraform.io", "registry.opentofu.org"]) {
    const directory = join(mirror, registry, "lodge", "lodge", version, platform);
    await mkdir(directory, { recursive: true });
    const executable = join(root, "dist", "terraform-provider-lodge");
    await copyFile(executable, join(directory, `terraform-provider-lodge_v${version}`));
  }
  const configuration = `provider_installation {\n  filesystem_mirror {\n    path = ${JSON.stringify(mirror)}\n  }\n}\n`;
  await writeFile(join(work, "terraform.rc"), configuration);
}
