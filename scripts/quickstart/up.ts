/** The quick start, step by step. Every step finds done what an earlier run has done. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { requirements } from "../../agent/src/lib/requirements.ts";
import { buildGuest } from "../guest/build.ts";
import { guestCommandLine } from "../guest/command-line.ts";
import { command } from "../lib/command.ts";
import { busybox, ensurePackages, systemInstaller } from "../lib/packages.ts";
import { ensureProcessor } from "../lib/processor.ts";
import { heading, note, step, warn } from "../lib/progress.ts";
import { Lodge } from "./lodge.ts";
import { defaultMirror, fetchOpenTofu } from "./open-tofu.ts";
import { places, root, type Places } from "./places.ts";
import { findTerraform, type Terraform } from "./terraform.ts";
import { prepareWorkspace, terraformEnvironment } from "./workspace.ts";

/** Brings the example up and shows that it works. */
export async function up(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  ensureProcessor();
  const where = places(env);
  const lodge = new Lodge(where, env, signal);
  await step("Packages", () =>
    ensurePackages([...requirements, busybox(env)], systemInstaller(signal)),
  );
  const terraform = await step("Terraform", () => chooseTerraform(where, env, signal));
  await step("Build", () => build(env, signal));
  const guest = await step("Guest: the distribution's own kernel and busybox", () =>
    buildGuest({ directory: join(where.cache, "guest"), progress: note, signal }),
  );
  signal.throwIfAborted();
  await step("Agent", () => startAgent(lodge));
  const { kernel, initrd } = guest;
  await prepareWorkspace(where, { kernel, initrd, command_line: guestCommandLine });
  const run = (args: readonly string[], accept = [0]) =>
    command(terraform.path, [`-chdir=${where.work}`, ...args], {
      env: terraformEnvironment(where, env),
      output: "show",
      accept,
      signal,
    });
  await step(`${terraform.name} init`, () => run(["init"]));
  await step(`${terraform.name} plan`, () => run(["plan", "-out=plan"]));
  await step(`${terraform.name} apply`, () => run(["apply", "plan"]));
  await step("The guest", () => showGuest(lodge));
  await step("A second plan is empty", async () => {
    const { exitCode } = await run(["plan", "-detailed-exitcode"], [0, 2]);
    if (exitCode !== 0) throw new Error("The plan after the apply should be empty, and is not.");
  });
  lookAround(where, terraform);
}

async function chooseTerraform(
  where: Places,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<Terraform> {
  const found = await findTerraform({
    env,
    fetch: () =>
      fetchOpenTofu({
        mirror: env["LODGE_OPENTOFU_MIRROR"] || defaultMirror,
        cacheDirectory: join(where.cache, "opentofu"),
        architecture: process.arch,
        progress: note,
        signal,
      }),
  });
  note(`${found.path} ${found.version}`);
  return found;
}

async function build(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const script = join(root, "scripts", "build.ts");
  const { stdout } = await command(process.execPath, [script], {
    cwd: root,
    env,
    output: "read",
    signal,
  });
  for (const line of stdout.trim().split("\n")) note(line);
}

async function startAgent(lodge: Lodge): Promise<void> {
  if (await lodge.answers()) note("it runs already");
  else await lodge.startAgent();
  const { accelerator, accelerator_reason: reason } = await lodge.host();
  if (accelerator === "kvm") return note(`guests are accelerated by KVM (${reason})`);
  warn(
    `KVM cannot be used here, so the guest is emulated and takes some seconds to boot (${reason})`,
  );
}

async function showGuest(lodge: Lodge): Promise<void> {
  const said = await lodge.console("hello");
  const greeting = said.split(/[\r\n]+/u).find((line) => line.includes("ready"));
  if (greeting === undefined) throw new Error(`The guest does not greet; it said:\n${said}`);
  const address = await lodge.acknowledgedAddress("hello");
  if (address === undefined) throw new Error("The guest has not taken its address.");
  note(`on its console:  ${greeting}`);
  note(`by DHCP:         ${address}, acknowledged`);
}

function lookAround(where: Places, { path }: Terraform): void {
  const lodge = existsSync(join(root, "dist", "lodge")) ? "dist/lodge" : "lodge";
  heading("It runs. To look around:");
  console.log(`  export LODGE_AGENT_DIR=${where.agent}

  ${lodge} vm list
  ${lodge} vm console hello            # ~. on a new line ends it
  ${lodge} vm forward hello 8080:80    # then, elsewhere: curl http://127.0.0.1:8080
  ${lodge} vm stop hello --wait        # and see what the next plan says
  ${lodge} host show

  export TF_CLI_CONFIG_FILE=${join(where.work, "terraform.rc")}
  ${path} -chdir=${where.work} plan`);
  heading("To remove all of it:");
  console.log("  npm run quickstart -- --destroy");
}
