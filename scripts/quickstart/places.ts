/** Where the quick start keeps things: everything that `--destroy` removes is in one directory. */
import { homedir } from "node:os";
import { join } from "node:path";
import { agentDirectory } from "@lodge/schemas/rpc/local-agent.ts";

export const root = join(import.meta.dirname, "..", "..");

/** The name of the quick start's own agent: the user's other agents are none of its business. */
export const agentName = "quickstart";

export interface Places {
  /** The agent's directory. */
  readonly agent: string;
  /** Terraform's working directory, inside the agent's. */
  readonly work: string;
  /** What was downloaded or built for all times. */
  readonly cache: string;
}

/** The places of a user. */
export function places(env: NodeJS.ProcessEnv): Places {
  const agent = agentDirectory(env, agentName);
  const cache = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  return { agent, work: join(agent, "terraform"), cache: join(cache, "lodge") };
}
