import { lodgeError } from "./error.ts";

/** Where a server listens. A port of 0 lets the system choose. */
export type Address = { readonly path: string } | { readonly host: string; readonly port: number };

/** Reads `unix:/run/x.sock`, `/run/x.sock`, `rack1.example.net:6800` or `[::1]:6800`. */
export function parseAddress(text: string): Address {
  const path = text.startsWith("unix:") ? text.slice("unix:".length) : text;
  if (path.startsWith("/")) return { path };
  const match = /^(?:\[(?<six>[0-9a-fA-F:.%a-z]+)\]|(?<host>[^:/\s]+)):(?<port>\d{1,5})$/u.exec(
    text,
  );
  const host = match?.groups?.["six"] ?? match?.groups?.["host"];
  const port = Number(match?.groups?.["port"]);
  if (host === undefined || port > 65_535) {
    throw lodgeError("ADDRESS_INVALID", `"${text}" is no address.`, {
      remedy: "Give HOST:PORT, [IPV6]:PORT or unix:/PATH.",
    });
  }
  return { host, port };
}

/** @returns the text form that {@link parseAddress} reads. */
export function formatAddress(address: Address): string {
  if ("path" in address) return `unix:${address.path}`;
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
