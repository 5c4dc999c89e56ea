/**
 * The one error of Lodge, on both sides of the wire. Code, reason, message and details travel; causes never do.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ErrorDetailSchema } from "../gen/lodge/agent/v1/error_pb.ts";
import { codeFromNumber, codeNumber, type Code } from "./code.ts";
import { reasonEntry, reasons, type Reason } from "./reasons.ts";

/** Trailing metadata that carries the details, an encoded `lodge.agent.v1.ErrorDetail`. */
export const detailKey = "lodge-error-bin";

/** Message and details travel in HTTP headers, which peers limit; what is longer is cut. */
const maxMessageLength = 4096;
const maxViolations = 64;

/** One fault of one field of a request. */
export interface Violation {
  /** Dotted path from the request's root, such as `spec.disks.root.size`. */
  readonly path: string;
  readonly message: string;
}

/** What an error says besides its reason and message. All of it travels. */
export interface ErrorDetails {
  /** The object that the error is about: its kind (`vm`), id and name. */
  readonly kind?: string;
  readonly id?: string;
  readonly name?: string;
  /** What the reader can do next. */
  readonly remedy?: string;
  readonly violations?: readonly Violation[];
  /** The same request may succeed later, unchanged. Default: what the table of reasons says. */
  readonly retryable?: boolean;
  /** In how many milliseconds it may succeed, where that is known. */
  readonly retryAfterMs?: number;
}

interface ErrorInit extends ErrorDetails {
  readonly code: Code;
  /** May be one that this version does not know; empty if the peer gave none. */
  readonly reason: string;
  readonly cause?: unknown;
}

/** Thrown by clients and handlers alike. Make one with {@link lodgeError}; see `reasons.ts` for when each is given. */
export class LodgeError extends Error {
  readonly code: Code;
  /** A word of the table of reasons; from a newer peer perhaps an unknown one, from a foreign one empty. */
  readonly reason: string;
  readonly kind: string | undefined;
  readonly id: string | undefined;
  /** Name of the object that the error is about (`name` is the class's, as with every error). */
  readonly objectName: string | undefined;
  readonly remedy: string | undefined;
  readonly violations: readonly Violation[];
  readonly retryable: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(message: string, init: ErrorInit) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "LodgeError";
    this.code = init.code;
    this.reason = init.reason;
    this.kind = init.kind;
    this.id = init.id;
    this.objectName = init.name;
    this.remedy = init.remedy;
    this.violations = init.violations ?? [];
    this.retryable = init.retryable ?? reasonEntry(init.reason)?.retryable ?? false;
    this.retryAfterMs = init.retryAfterMs;
  }

  /** Whether this is the failure that `reason` names. */
  is(reason: Reason): boolean {
    return this.reason === reason;
  }
}

/** @returns an error of the table of reasons; its code is the table's. */
export function lodgeError(
  reason: Reason,
  message: string,
  details: ErrorDetails & { readonly cause?: unknown } = {},
): LodgeError {
  return new LodgeError(message, { ...details, code: reasons[reason].code, reason });
}

/** The shape of a failed call as grpc-js gives and takes it. */
export interface WireStatus {
  /** Number of the code. */
  readonly code: number;
  readonly details: string;
  /** Encoded details, if the peer sent any. */
  readonly detail?: Uint8Array | undefined;
}

/** @returns what travels of `error`. */
export function toWireStatus(error: LodgeError): Required<WireStatus> & { detail: Uint8Array } {
  const detail = create(ErrorDetailSchema, {
    reason: error.reason,
    kind: error.kind ?? "",
    id: error.id ?? "",
    name: error.objectName ?? "",
    remedy: cut(error.remedy ?? ""),
    violations: error.violations
      .slice(0, maxViolations)
      .map(({ path, message }) => ({ path: cut(path, 256), message: cut(message, 512) })),
    retryable: error.retryable,
    retryAfterMs: Math.min(2 ** 32 - 1, Math.ceil(error.retryAfterMs ?? 0)),
  });
  return {
    code: codeNumber(error.code),
    details: cut(error.message),
    detail: toBinary(ErrorDetailSchema, detail),
  };
}

/** @returns the error that a peer has sent. Unknown codes, reasons and details of newer peers are tolerated. */
export function fromWireStatus(status: WireStatus, cause?: unknown): LodgeError {
  const code = codeFromNumber(status.code);
  const message = status.details === "" ? code : status.details;
  const detail = status.detail && decodeDetail(status.detail);
  if (!detail) return new LodgeError(message, { code, reason: "", cause });
  const { reason, kind, id, name, remedy, violations, retryable, retryAfterMs } = detail;
  return new LodgeError(message, {
    code,
    reason,
    retryable,
    ...(kind && { kind }),
    ...(id && { id }),
    ...(name && { name }),
    ...(remedy && { remedy }),
    ...(retryAfterMs > 0 && { retryAfterMs }),
    violations: violations.map((violation) => ({
      path: violation.path,
      message: violation.message,
    })),
    cause,
  });
}

/**
 * @returns `thrown` as our error: the only place where a code is guessed. What is not recognized is a fault of ours, and
 * its text stays here as the cause.
 */
export function asLodgeError(thrown: unknown): LodgeError {
  if (thrown instanceof LodgeError) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  if (name === "AbortError")
    return lodgeError("CANCELLED", "The call was cancelled.", { cause: thrown });
  if (name === "TimeoutError") {
    return lodgeError("DEADLINE_EXCEEDED", "The time allowed has passed.", { cause: thrown });
  }
  return lodgeError(
    "INTERNAL",
    "An internal error has occurred; the log of the other side has its cause.",
    {
      cause: thrown,
    },
  );
}

function decodeDetail(bytes: Uint8Array) {
  try {
    return fromBinary(ErrorDetailSchema, bytes);
  } catch {
    return undefined;
  }
}

/** Lone surrogates cannot be percent-encoded, which is how a message travels. */
function cut(text: string, length = maxMessageLength): string {
  const whole = text.toWellFormed();
  return whole.length <= length ? whole : `${whole.slice(0, length - 1).toWellFormed()}…`;
}
