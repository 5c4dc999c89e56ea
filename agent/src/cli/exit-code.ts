import { LodgeError } from "@lodge/schemas/rpc/error.ts";

/** What the exit code of a command says. */
export const exitCodes = {
  success: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  notAllowed: 5,
  timeout: 6,
  interrupted: 130,
} as const;

/** The same for people, as the help shows it. */
export const exitCodeHelp = `Exit codes:
  0    done
  1    it failed; the message says why
  2    the command line or the configuration is wrong
  3    there is no such object
  4    the agent cannot be reached
  5    the agent does not let you
  6    the time allowed has passed
  130  interrupted`;

/** What the program is to exit with for an error of ours. */
export function exitCodeOf(error: LodgeError): number {
  if (error.is("ADDRESS_INVALID") || error.is("CREDENTIALS_INVALID")) return exitCodes.usage;
  // The agent answered: it is the guest that did not.
  if (error.is("GUEST_UNREACHABLE") || error.is("MONITOR_FAILED")) return exitCodes.failure;
  switch (error.code) {
    case "NOT_FOUND":
      return exitCodes.notFound;
    case "UNAVAILABLE":
      return exitCodes.unreachable;
    case "UNAUTHENTICATED":
    case "PERMISSION_DENIED":
      return exitCodes.notAllowed;
    case "DEADLINE_EXCEEDED":
      return exitCodes.timeout;
    default:
      return exitCodes.failure;
  }
}
