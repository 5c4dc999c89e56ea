import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";

/** What the system says of a port that is another's, or that only root may have: a matter of the machine's state. */
const unavailable: readonly string[] = ["EADDRINUSE", "EACCES"];

/**
 * Why nobody can listen at an address: PORT_UNAVAILABLE where another time or another user could, ADDRESS_INVALID where
 * the address itself is not of this machine.
 */
export function listenError(address: string, cause: unknown, remedy: string): LodgeError {
  const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
  const reason = unavailable.includes(code) ? "PORT_UNAVAILABLE" : "ADDRESS_INVALID";
  return lodgeError(reason, `${address} cannot be listened at (${code}).`, { remedy, cause });
}
