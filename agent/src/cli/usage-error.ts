/** The command line cannot be understood; the message says what is wanted instead. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
