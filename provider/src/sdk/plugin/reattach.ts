/** Debug mode: a provider that a person starts, and that Terraform finds through its environment. */
import { protocolVersion } from "./handshake.ts";

/** Whether the arguments ask for it, in Go's spelling or the usual one. */
export function isReattachMode(argv: readonly string[]): boolean {
  return argv.includes("-debug") || argv.includes("--debug");
}

/**
 * @returns what to tell the person. `Test` keeps Terraform from killing the process at the end of a command.
 *
 * @param address of the provider in a registry, such as `registry.terraform.io/lodge/lodge`
 */
export function formatReattach(address: string, socket: string, pid: number): string {
  const config = {
    [address]: {
      Protocol: "grpc",
      ProtocolVersion: protocolVersion,
      Pid: pid,
      Test: true,
      Addr: { Network: "unix", String: socket },
    },
  };
  const value = JSON.stringify(config).replaceAll("'", String.raw`'\''`);
  return `The provider runs. To attach Terraform to it, set:

\tTF_REATTACH_PROVIDERS='${value}'

`;
}
