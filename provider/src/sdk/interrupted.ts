import { LodgeError } from "@lodge/schemas/rpc/error.ts";

/**
 * The reason of every signal once the user has pressed Ctrl-C, in words that the user may read. Terraform still takes
 * the answer then: a signal that aborts for any other reason means that nobody does.
 */
export class Interrupted extends LodgeError {
  constructor() {
    super("Interrupted: Terraform was asked to stop.", { code: "CANCELLED", reason: "CANCELLED" });
    this.name = "Interrupted";
  }
}
