/** Removes what the quick start has made, whatever state it is in; what was downloaded and built for all times stays. */
import { existsSync } from "node:fs";
import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { command } from "../lib/command.ts";
import { note, step, warn } from "../lib/progress.ts";
import { Lodge } from "./lodge.ts";
import { openTofuPath } from "./open-tofu.ts";
import { places, type Places } from "./places.ts";
import { findTerraform } from "./terraform.ts";
import { terraformEnvironment } from "./workspace.ts";

/** Destroys what Terraform made, then the agent with all that is in its host, then their directory. */
export async function destroy(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const where = places(env);
  const lodge = new Lodge(where, env, signal);
  if (existsSync(join(where.work, "terraform.tfstate")) && (await lodge.answers())) {
    await step("Terraform destroy", () => terraformDestroy(where, env, signal)).catch(
      (error: Error) => {
        signal.throwIfAborted();
        // What it could not destroy goes with its host.
        warn(error.message);
      },
    );
  }
  await step("Agent", () => lodge.removeAgent());
  // An interrupted first run may have made it without an agent in it.
  await rm(where.agent, { recursive: true, force: true });
  // Other agents of the user's keep it.
  await rmdir(dirname(where.agent)).catch(() => {});
  note(
    `Nothing is left but what was downloaded and built: ${where.cache}, and dist/ and node_modules/ here.`,
  );
}

async function terraformDestroy(
  where: Places,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<void> {
  const { path } = await findTerraform({
    env,
    fetch: async () => {
      const fetched = openTofuPath(join(where.cache, "opentofu"));
      if (existsSync(fetched)) return fetched;
      throw new Error("There is no Terraform any more; what it made goes with its host.");
    },
  });
  await command(path, [`-chdir=${where.work}`, "destroy", "-auto-approve"], {
    env: terraformEnvironment(where, env),
    output: "show",
    signal,
  });
}
