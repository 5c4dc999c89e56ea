/** gRPC's sixteen codes of failure, by their standard names; the index is the number on the wire. */
const names = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** Code of a failed call. */
export type Code = Exclude<(typeof names)[number], "OK">;

/** @returns the number of `code` on the wire, 1 to 16. */
export function codeNumber(code: Code): number {
  return names.indexOf(code);
}

/** @returns the code of a number on the wire; UNKNOWN for one that is not in the standard. */
export function codeFromNumber(number: number): Code {
  const name = names[number];
  return name === undefined || name === "OK" ? "UNKNOWN" : name;
}
