import { expect, test } from "vitest";
import { HostService } from "../gen/lodge/agent/v1/host_pb.ts";
import { clientError } from "./client-error.ts";
import { lodgeError } from "./error.ts";

const call = (reason: unknown) => ({
  method: HostService.method.get,
  signal: AbortSignal.abort(reason),
  timeoutMs: 1000,
  transport: { address: "unix:/nowhere", security: "plaintext" as const },
});

test.each([
  ["nothing", undefined, "CANCELLED"],
  ["any error", new Error("Terraform has asked to stop."), "CANCELLED"],
  ["any value", "because", "CANCELLED"],
  ["the end of the time", new DOMException("late", "TimeoutError"), "DEADLINE_EXCEEDED"],
  ["an error of ours", lodgeError("UNREACHABLE", "no connection"), "UNREACHABLE"],
])(
  "a call that was cancelled with %s as its reason is no internal error",
  async (_, given, reason) => {
    expect((await clientError(new Error("cancelled"), call(given))).reason).toBe(reason);
  },
);
