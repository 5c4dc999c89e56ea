import type { Executable } from "./executable.ts";

/** What Terraform starts: three times in every plan, so it starts from a snapshot. */
export const provider = {
  name: "provider",
  entry: "provider/src/main.ts",
  executable: "terraform-provider-lodge",
  snapshot: true,
} as const satisfies Executable;

/** The agent and the command line. */
export const lodge = {
  name: "agent",
  entry: "agent/src/main.ts",
  executable: "lodge",
  // A daemon that answers in milliseconds needs no large nursery, and may look for garbage long before it has gathered as
  // much as it keeps: either would only stay resident.
  nodeFlags: ["--max-semi-space-size=1", "--heap-growing-percent=20"],
} as const satisfies Executable;

/** The provider of the SDK's own tests, whose backend is a file. */
export const memoryProvider = {
  name: "memory",
  entry: "provider/src/sdk/testing/memory-main.ts",
  executable: "terraform-provider-memory",
  snapshot: true,
} as const satisfies Executable;
