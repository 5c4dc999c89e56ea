import { Option, type Command } from "commander";
import { connect, type Transport, type TransportOptions } from "@lodge/schemas/rpc/client.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { findLocalAgent, type Environment } from "@lodge/schemas/rpc/local-agent.ts";
import { readIdentity, type IdentityFiles } from "@lodge/schemas/rpc/tls.ts";
import type { Io } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/** What the options of {@link addTargetOptions} leave in a command's options. */
export interface TargetOptions {
  readonly agentDir?: string;
  readonly endpoint?: string;
  readonly host?: string;
  readonly caCertificateFile?: string;
  readonly clientCertificateFile?: string;
  readonly clientKeyFile?: string;
}

const options: readonly (readonly [flags: string, description: string])[] = [
  ["--agent-dir <directory>", "directory of a development agent (LODGE_AGENT_DIR)"],
  ["--endpoint <address>", "agent at HOST:PORT or unix:/PATH (LODGE_ENDPOINT)"],
  ["--host <name>", "name that the agent's certificate must have (LODGE_HOST)"],
  ["--ca-certificate-file <file>", "authority to trust (LODGE_CA_CERTIFICATE_FILE)"],
  ["--client-certificate-file <file>", "who you are (LODGE_CLIENT_CERTIFICATE_FILE)"],
  ["--client-key-file <file>", "the key of that certificate (LODGE_CLIENT_KEY_FILE)"],
];

/** Gives a command the options that choose its agent. */
export function addTargetOptions(command: Command): Command {
  for (const [flags, description] of options) {
    command.addOption(new Option(flags, description).helpGroup("Agent:"));
  }
  return command;
}

/**
 * Where the agent is and how to prove oneself to it: the flags, else the environment, else the development agent of
 * this user. Throws UsageError for half a configuration, NO_LOCAL_AGENT, CREDENTIALS_INVALID.
 */
export async function findTarget(
  chosen: TargetOptions,
  env: Environment,
): Promise<TransportOptions> {
  if (chosen.agentDir && chosen.endpoint) {
    throw new UsageError("--agent-dir and --endpoint exclude each other: name one agent.");
  }
  const endpoint = chosen.endpoint || (env["LODGE_AGENT_DIR"] ? undefined : env["LODGE_ENDPOINT"]);
  if (endpoint && !chosen.agentDir) return remoteTarget(endpoint, chosen, env);
  const agent = await findLocalAgent(
    chosen.agentDir ? { ...env, LODGE_AGENT_DIR: chosen.agentDir } : env,
  );
  const identity = await readIdentity({
    ca: agent.caCertificate,
    certificate: agent.clientCertificate,
    key: agent.clientKey,
  });
  const serverName = chosen.host || agent.name;
  return { address: `unix:${agent.socket}`, security: { ...identity, serverName } };
}

/** Connects to the chosen agent for the time of `body`. Made on first use, so a refusal comes from the first call. */
export async function withAgent<T>(
  chosen: TargetOptions,
  io: Io,
  body: (transport: Transport) => Promise<T>,
): Promise<T> {
  const target = await findTarget(chosen, io.env);
  using transport = connect(target);
  return await body(transport);
}

async function remoteTarget(
  address: string,
  chosen: TargetOptions,
  env: Environment,
): Promise<TransportOptions> {
  const identity = await readIdentity(identityFiles(chosen, env));
  const serverName = chosen.host || env["LODGE_HOST"];
  if (serverName === undefined && (address.startsWith("unix:") || address.startsWith("/"))) {
    throw new UsageError("A unix socket has no name: give --host with the agent's name.");
  }
  return { address, security: { ...identity, ...(serverName && { serverName }) } };
}

function identityFiles(chosen: TargetOptions, env: Environment): IdentityFiles {
  const ca = chosen.caCertificateFile || env["LODGE_CA_CERTIFICATE_FILE"];
  const certificate = chosen.clientCertificateFile || env["LODGE_CLIENT_CERTIFICATE_FILE"];
  const key = chosen.clientKeyFile || env["LODGE_CLIENT_KEY_FILE"];
  const missing = [
    ...(ca ? [] : ["--ca-certificate-file"]),
    ...(certificate ? [] : ["--client-certificate-file"]),
    ...(key ? [] : ["--client-key-file"]),
  ];
  if (ca && certificate && key) return { ca, certificate, key };
  throw lodgeError("CREDENTIALS_INVALID", `An endpoint needs ${missing.join(", ")} as well.`, {
    remedy: "Give the flags, or the environment variables that the help names beside them.",
  });
}
