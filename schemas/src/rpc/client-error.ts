/** What a failed call means to its caller: the server's own error, or what the wire's words stand for. */
import type { Metadata } from "@grpc/grpc-js";
import type { DescMethod } from "@bufbuild/protobuf";
import { codeFromNumber } from "./code.ts";
import { methodPath } from "./codec.ts";
import { asLodgeError, detailKey, fromWireStatus, lodgeError, LodgeError } from "./error.ts";
import { explainUnavailable, nameOf } from "./explain.ts";
import { formatBytes } from "./limits.ts";
import type { ClientTls, Plaintext } from "./tls.ts";

interface FailedCall {
  readonly method: DescMethod;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number;
  readonly transport: { readonly address: string; readonly security: ClientTls | Plaintext };
}

interface GrpcError {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** @returns `thrown` as our error, with reason and remedy as far as they can be known from here. */
export async function clientError(thrown: unknown, call: FailedCall): Promise<LodgeError> {
  if (thrown instanceof LodgeError) return thrown;
  if (call.signal?.aborted) return cancelled(call.signal.reason);
  if (!isGrpcError(thrown)) return asLodgeError(thrown);
  const detail = thrown.metadata.get(detailKey)[0];
  if (Buffer.isBuffer(detail)) return fromWireStatus({ ...plain(thrown), detail }, thrown);
  return (await wireError(thrown, call)) ?? fromWireStatus(plain(thrown), thrown);
}

/** Whatever the caller gave as its reason, to cancel is no fault of anybody. */
function cancelled(reason: unknown): LodgeError {
  const error = asLodgeError(reason);
  if (!error.is("INTERNAL") || reason instanceof LodgeError) return error;
  return lodgeError("CANCELLED", "The call was cancelled.", { cause: reason });
}

/** Errors that grpc-js itself makes on either side: they have a code and a text, and none of our details. */
async function wireError(error: GrpcError, call: FailedCall): Promise<LodgeError | undefined> {
  const { address, security } = call.transport;
  const server = nameOf(address, security);
  const path = methodPath(call.method);
  switch (codeFromNumber(error.code)) {
    case "CANCELLED":
      return lodgeError("CANCELLED", `${path} on ${server} was cancelled.`, { cause: error });
    case "DEADLINE_EXCEEDED":
      return lodgeError(
        "DEADLINE_EXCEEDED",
        `${path} on ${server} gave no answer in ${call.timeoutMs} ms.`,
        { remedy: "Check the load of the host, or allow more time.", cause: error },
      );
    case "UNIMPLEMENTED":
      return lodgeError("METHOD_UNKNOWN", `${server} does not have ${path}.`, {
        remedy: "Bring both sides to the same version.",
        cause: error,
      });
    case "RESOURCE_EXHAUSTED": {
      const sizes = /message larger than max \((\d+) vs\.? (\d+)\)/u.exec(error.details);
      if (!sizes) return undefined;
      return lodgeError(
        "MESSAGE_TOO_LARGE",
        `A message of ${path} has ${formatBytes(Number(sizes[1]))}; the limit of ${server} is ${formatBytes(Number(sizes[2]))}.`,
        {
          remedy: "Send less at once: shorten the largest value, or split the request.",
          cause: error,
        },
      );
    }
    case "UNAVAILABLE":
      return explainUnavailable(error, address, security);
    default:
      return undefined;
  }
}

/** A spread of the error would carry its stack along. */
function plain({ code, details }: GrpcError) {
  return { code, details };
}

function isGrpcError(thrown: unknown): thrown is GrpcError & Error {
  return thrown instanceof Error && "metadata" in thrown && "details" in thrown;
}
