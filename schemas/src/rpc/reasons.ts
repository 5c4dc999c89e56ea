/**
 * Every reason that an error of ours can give: the stable word that programs compare, its code, and when it is given.
 * A reason is never renamed and never changes its code; a peer of another version may send reasons that are not here.
 */
import type { Code } from "./code.ts";

/** What stands behind a reason. */
export interface ReasonEntry {
  readonly code: Code;
  /** When this is given, in one sentence. */
  readonly meaning: string;
  /** The same request may succeed later, unchanged. */
  readonly retryable?: true;
}

export const reasons = {
  // The wire itself.
  MESSAGE_TOO_LARGE: {
    code: "RESOURCE_EXHAUSTED",
    meaning: "A message is larger than the limit of its connection.",
  },
  MALFORMED_MESSAGE: {
    code: "INVALID_ARGUMENT",
    meaning: "The bytes of a message do not parse as its type.",
  },
  METHOD_UNKNOWN: {
    code: "UNIMPLEMENTED",
    meaning: "The peer does not have this call; it is usually older.",
  },
  AGENT_TOO_OLD: {
    code: "FAILED_PRECONDITION",
    meaning: "The agent's interface is older than the oldest one that this client can use.",
  },
  CANCELLED: { code: "CANCELLED", meaning: "The caller cancelled, or has gone." },
  DEADLINE_EXCEEDED: {
    code: "DEADLINE_EXCEEDED",
    meaning: "The answer did not come in the time that the caller allowed.",
    retryable: true,
  },
  INTERNAL: { code: "INTERNAL", meaning: "A fault of ours; the peer's log has the cause." },

  // Reaching the peer.
  UNREACHABLE: {
    code: "UNAVAILABLE",
    meaning: "Nothing listens at the address, or the network does not lead there.",
    retryable: true,
  },
  SERVER_CLOSING: {
    code: "UNAVAILABLE",
    meaning: "The server is being stopped; it, or the next one, takes the call again.",
    retryable: true,
  },
  CONNECTION_LOST: {
    code: "UNAVAILABLE",
    meaning: "The connection broke before the answer; whether the call was done is unknown.",
    retryable: true,
  },
  NOT_TLS: {
    code: "UNAVAILABLE",
    meaning: "The peer does not speak TLS where TLS is wanted, or the other way about.",
  },
  SERVER_CERTIFICATE_EXPIRED: {
    code: "UNAVAILABLE",
    meaning: "The server's certificate is no longer, or not yet, valid.",
  },
  SERVER_CERTIFICATE_UNTRUSTED: {
    code: "UNAVAILABLE",
    meaning:
      "The server's certificate is not from the certificate authority that the client trusts.",
  },
  SERVER_NAME_MISMATCH: {
    code: "UNAVAILABLE",
    meaning: "The server's certificate is good, but for another name than the one asked for.",
  },
  CLIENT_CERTIFICATE_EXPIRED: {
    code: "UNAUTHENTICATED",
    meaning: "The client's own certificate is no longer, or not yet, valid.",
  },
  CLIENT_CERTIFICATE_REJECTED: {
    code: "UNAUTHENTICATED",
    meaning:
      "The server refused the client's certificate: none was sent, or one it does not trust.",
  },
  NO_LOCAL_AGENT: {
    code: "UNAVAILABLE",
    meaning: "No agent is configured and none was started on this machine by this user.",
  },
  CONFIGURATION_UNKNOWN: {
    code: "FAILED_PRECONDITION",
    meaning: "The provider's configuration has parts that are only known after apply.",
  },
  ADDRESS_INVALID: {
    code: "INVALID_ARGUMENT",
    meaning: "The text is not HOST:PORT, [IPV6]:PORT or unix:/PATH.",
  },
  PORT_UNAVAILABLE: {
    code: "FAILED_PRECONDITION",
    meaning: "The port to listen at is taken by another process, or only root may have it.",
  },
  CREDENTIALS_INVALID: {
    code: "INVALID_ARGUMENT",
    meaning: "A certificate or key file cannot be read, does not parse, or does not fit the other.",
  },

  // Who may do what.
  NOT_ALLOWED: {
    code: "PERMISSION_DENIED",
    meaning: "The principal's role does not allow the call.",
  },

  // Wishes that cannot be accepted.
  SPEC_INVALID: {
    code: "INVALID_ARGUMENT",
    meaning: "Fields of the spec are wrong; the violations name each.",
  },
  REQUEST_INVALID: {
    code: "INVALID_ARGUMENT",
    meaning: "A field of the request beside the spec is wrong.",
  },
  FIELD_IMMUTABLE: {
    code: "INVALID_ARGUMENT",
    meaning: "A field can only be chosen when the object is made.",
  },
  NOT_FOUND: {
    code: "NOT_FOUND",
    meaning: "No object of that kind has that id or name on this host.",
  },
  REFERENCE_NOT_FOUND: {
    code: "FAILED_PRECONDITION",
    meaning: "The spec names an object that is not on this host.",
  },
  REVISION_MISMATCH: {
    code: "ABORTED",
    meaning: "The object was edited since it was read; read it again and repeat the edit.",
  },
  NAME_TAKEN: { code: "ALREADY_EXISTS", meaning: "Another object of the kind has the name." },
  CLAIM_HELD: {
    code: "ALREADY_EXISTS",
    meaning: "Another object holds a name, an address, a MAC address or a disk.",
  },
  MAC_TAKEN: { code: "ALREADY_EXISTS", meaning: "An interface of another VM has the MAC address." },
  ADDRESS_TAKEN: {
    code: "ALREADY_EXISTS",
    meaning: "Another VM has the address, or it still cools down.",
  },
  ADDRESS_OUTSIDE_POOL: {
    code: "INVALID_ARGUMENT",
    meaning: "The address is in none of the pool's ranges.",
  },
  POOL_EXHAUSTED: {
    code: "RESOURCE_EXHAUSTED",
    meaning: "Every address of the pool is in use or cools down.",
    retryable: true,
  },
  SUBNET_OVERLAP: {
    code: "ALREADY_EXISTS",
    meaning: "A subnet overlaps one of another network of the host.",
  },
  DISK_ATTACHED: { code: "FAILED_PRECONDITION", meaning: "The disk is attached to another VM." },
  IN_USE: {
    code: "FAILED_PRECONDITION",
    meaning: "Other objects need the object; they are named.",
  },
  DELETION_PROTECTED: {
    code: "FAILED_PRECONDITION",
    meaning: "The object's deletion_protection is on.",
  },
  SHRINK: {
    code: "INVALID_ARGUMENT",
    meaning: "A disk cannot become smaller, or smaller than its image.",
  },
  MEMORY_EXCEEDED: { code: "RESOURCE_EXHAUSTED", meaning: "The host has less memory than that." },
  CPUS_EXCEEDED: {
    code: "RESOURCE_EXHAUSTED",
    meaning: "The host has fewer processors than that.",
  },
  BEING_DELETED: {
    code: "FAILED_PRECONDITION",
    meaning: "The object is being deleted already.",
  },
  HISTORY_LOST: {
    code: "OUT_OF_RANGE",
    meaning: "A watch asked to resume from before the kept history.",
  },

  OWNED_BY_VM: {
    code: "FAILED_PRECONDITION",
    meaning: "The disk belongs to a VM and is changed and deleted there.",
  },

  // Images and disks.
  PATH_NOT_ALLOWED: {
    code: "INVALID_ARGUMENT",
    meaning:
      "The path is outside the directories that images may come from, or leads through a symbolic link.",
  },
  PATH_NOT_FOUND: { code: "INVALID_ARGUMENT", meaning: "There is no regular file at the path." },
  DIGEST_MISMATCH: {
    code: "INVALID_ARGUMENT",
    meaning: "The file's SHA-256 digest is not the one that was given.",
  },
  SIZE_MISMATCH: {
    code: "INVALID_ARGUMENT",
    meaning: "More or fewer bytes came than were announced.",
  },
  IMAGE_REFUSED: {
    code: "INVALID_ARGUMENT",
    meaning: "The image names other files, which a guest could read through it.",
  },
  DISK_FULL: {
    code: "RESOURCE_EXHAUSTED",
    meaning: "A file system of the host is full.",
    retryable: true,
  },
  DISK_CORRUPT: {
    code: "DATA_LOSS",
    meaning: "A disk's file is damaged beyond what can be mended safely.",
  },

  DISK_MISSING: {
    code: "DATA_LOSS",
    meaning: "A disk's or an image's file is gone from the host.",
  },

  // The agent's own store.
  STORE_NEWER: {
    code: "FAILED_PRECONDITION",
    meaning: "The agent's database was written by a newer agent.",
  },
  STORE_LOCKED: {
    code: "FAILED_PRECONDITION",
    meaning: "The agent's database is in use by another process.",
  },
  STORE_CORRUPT: { code: "DATA_LOSS", meaning: "The agent's database is damaged." },
  STORE_FAILED: {
    code: "UNAVAILABLE",
    meaning: "The agent's database cannot be read or written.",
  },

  // The host.
  PROGRAM_MISSING: {
    code: "FAILED_PRECONDITION",
    meaning: "A program that the host needs is not installed.",
  },
  COMMAND_FAILED: {
    code: "INTERNAL",
    meaning: "A program of the host failed; its own words are in the message.",
  },
  BRIDGE_TAKEN: {
    code: "FAILED_PRECONDITION",
    meaning: "A link of the bridge's name exists and is not ours.",
  },
  TAP_TAKEN: {
    code: "FAILED_PRECONDITION",
    meaning: "A link of the tap's name exists and is not ours.",
  },
  AGENT_RUNNING: {
    code: "FAILED_PRECONDITION",
    meaning: "The development agent of that directory runs already.",
  },
  AGENT_FAILED: {
    code: "INTERNAL",
    meaning: "A development agent was started and ended before it served; its log says why.",
  },
  DIRECTORY_UNUSABLE: {
    code: "FAILED_PRECONDITION",
    meaning: "The agent's directory cannot be made or written where it is wanted.",
  },
  NAMESPACE_FORBIDDEN: {
    code: "FAILED_PRECONDITION",
    meaning: "The machine does not allow what a development host needs; the remedy is named.",
  },
  QEMU_FAILED: {
    code: "FAILED_PRECONDITION",
    meaning: "QEMU did not start; its own words are in the message.",
  },
  MONITOR_FAILED: {
    code: "UNAVAILABLE",
    meaning: "QEMU's monitor does not answer, or its socket is gone.",
    retryable: true,
  },
  FIRMWARE_MISSING: {
    code: "FAILED_PRECONDITION",
    meaning: "The firmware that the VM asks for is not installed.",
  },
  GUEST_UNREACHABLE: {
    code: "UNAVAILABLE",
    meaning: "The guest did not accept the connection.",
    retryable: true,
  },
  VM_NOT_RUNNING: { code: "FAILED_PRECONDITION", meaning: "The call needs a running guest." },
  NO_ADDRESS: {
    code: "FAILED_PRECONDITION",
    meaning: "The interface has no address to connect to.",
  },
} as const satisfies Record<string, ReasonEntry>;

/** A reason of this version's table. */
export type Reason = keyof typeof reasons;

/** @returns the entry of `reason`, or undefined for one that this version does not know. */
export function reasonEntry(reason: string): ReasonEntry | undefined {
  return Object.hasOwn(reasons, reason) ? reasons[reason as Reason] : undefined;
}
