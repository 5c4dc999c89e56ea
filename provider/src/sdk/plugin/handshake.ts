/** What go-plugin and a plugin say to each other before there is a connection: environment in, one line out. */

/** The variables of go-plugin that a provider heeds. */
export interface Environment {
  readonly TF_PLUGIN_MAGIC_COOKIE?: string | undefined;
  readonly PLUGIN_PROTOCOL_VERSIONS?: string | undefined;
  readonly PLUGIN_CLIENT_CERT?: string | undefined;
  readonly PLUGIN_UNIX_SOCKET_DIR?: string | undefined;
  readonly PLUGIN_UNIX_SOCKET_GROUP?: string | undefined;
  readonly PLUGIN_MULTIPLEX_GRPC?: string | undefined;
}

/** Tells a client of go-plugin from somebody who runs the executable by hand. No secret. */
export const magicCookie = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/** What is said to somebody who runs the executable by hand. */
export const notForPeople = `This binary is a plugin: Terraform or OpenTofu starts it, and it does nothing by itself.

Name the provider in the required_providers block of a configuration and run "terraform init".
To attach a debugger, start it with -debug.
`;

/** The version of go-plugin's own line, and of the plugin protocol that this provider speaks. */
const coreVersion = 1;
export const protocolVersion = 6;

/** Whether the process was started by Terraform. */
export function isStartedByTerraform(env: Environment): boolean {
  return env.TF_PLUGIN_MAGIC_COOKIE === magicCookie;
}

/** What the line says. */
export interface Handshake {
  /** Path of the unix socket that is being listened on. */
  readonly socket: string;
  /** The server's certificate, DER. Absent without TLS: Terraform itself crashes on one it has not asked for. */
  readonly certificate?: Uint8Array | undefined;
}

/**
 * @returns the line, with its line break. The version is said even if the client does not list it: the client's own
 * message about that is better than any of ours.
 */
export function formatHandshake({ socket, certificate }: Handshake, env: Environment): string {
  const fields = [coreVersion, protocolVersion, "unix", socket, "grpc", encode(certificate)];
  if (env.PLUGIN_MULTIPLEX_GRPC) fields.push("false");
  return `${fields.join("|")}\n`;
}

/** Go's decoder refuses padding here. */
function encode(certificate: Uint8Array | undefined): string {
  return certificate ? Buffer.from(certificate).toString("base64").replace(/=+$/u, "") : "";
}
