/**
 * How a client finds its agent where nothing is configured: a directory that a development agent fills with
 * its socket and a client's credentials.
 */
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { lodgeError } from "./error.ts";

/** The files of an agent's directory. Keys and certificates are PEM. */
export interface AgentDirectory {
  readonly directory: string;
  /** The agent's name, which its certificate carries. */
  readonly name: string;
  readonly socket: string;
  readonly caCertificate: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

/** The environment variables that are looked at. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The directory of the development agent called `name` (default `dev`), whether it exists or not. */
export function agentDirectory(environment: Environment, name = "dev"): string {
  const state =
    environment["XDG_STATE_HOME"] || join(environment["HOME"] || homedir(), ".local", "state");
  return join(state, "lodge", name);
}

/** The files of an agent's directory by their fixed names. */
export function agentFiles(directory: string, name: string): AgentDirectory {
  return {
    directory,
    name,
    socket: join(directory, "agent.sock"),
    caCertificate: join(directory, "ca.pem"),
    clientCertificate: join(directory, "client.pem"),
    clientKey: join(directory, "client.key"),
  };
}

/**
 * The agent of `LODGE_AGENT_DIR`, else the development agent of this user.
 * Throws UNAVAILABLE (reason NO_LOCAL_AGENT) with what was looked for and how to start one.
 */
export async function findLocalAgent(environment: Environment): Promise<AgentDirectory> {
  const directory = environment["LODGE_AGENT_DIR"] || agentDirectory(environment);
  try {
    const { name } = JSON.parse(await readFile(join(directory, "agent.json"), "utf8")) as {
      name: string;
    };
    return agentFiles(directory, name);
  } catch (cause) {
    throw lodgeError(
      "NO_LOCAL_AGENT",
      `No agent is configured, and none is found in ${directory}.`,
      {
        remedy:
          "Start one with `lodge agent --dev`, or name the agent's endpoint and certificates.",
        cause,
      },
    );
  }
}
