import { asLodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Reason } from "@lodge/schemas/rpc/reasons.ts";

/** Without an answer the agent is asked at apply, and so is one that cannot answer. */
const tolerated: ReadonlySet<string> = new Set([
  "UNAVAILABLE",
  "DEADLINE_EXCEEDED",
  "UNIMPLEMENTED",
]);
/** What will be no better at apply. */
const untolerated: ReadonlySet<string> = new Set<Reason>([
  "NOT_TLS",
  "SERVER_CERTIFICATE_EXPIRED",
  "SERVER_CERTIFICATE_UNTRUSTED",
  "SERVER_NAME_MISMATCH",
]);

/** Whether a plan goes on although an agent failed so, since it is asked again when the plan is applied. */
export function isAskedLater(thrown: unknown): boolean {
  const { code, reason } = asLodgeError(thrown);
  if (reason === ("CONFIGURATION_UNKNOWN" satisfies Reason)) return true;
  return tolerated.has(code) && !untolerated.has(reason);
}
