/**
 * Metadata by which a client says which of its runs, such as one apply of Terraform, a call belongs to: any text that no
 * other run has. An agent gives what one run has made to no other one while that goes on.
 */
export const runHeader = "lodge-run";
