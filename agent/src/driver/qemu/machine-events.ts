import type { Machine, MachineEvent, ShutdownCause } from "../../core/port/hypervisor.ts";
import type { QmpEvent } from "./qmp-commands.ts";

const causes: Readonly<Record<string, ShutdownCause>> = {
  "guest-shutdown": "guest_shutdown",
  "guest-reset": "guest_reset",
  "guest-panic": "guest_panic",
};

/** Turns what QEMU says into what happened to the guest. It remembers what later words only make sense with. */
export class MachineEvents {
  /** Why the guest ended itself, once it has. */
  cause: ShutdownCause | undefined;
  readonly #vmId: string;
  /** Why QEMU is about to pause the guest; it says so before it pauses. */
  #pauseReason = "";

  constructor(vmId: string) {
    this.#vmId = vmId;
  }

  /** @returns what happened; undefined where it is nothing that anyone needs to know. */
  translate({ event, data }: QmpEvent): MachineEvent | undefined {
    const vmId = this.#vmId;
    switch (event) {
      case "SHUTDOWN": {
        // Those of the host end the process, and that is what is told of.
        const cause = causes[word(data["reason"])];
        return cause && this.#shutDown(cause);
      }
      case "GUEST_PANICKED":
        return this.#shutDown("guest_panic");
      case "BLOCK_IO_ERROR":
        if (data["action"] === "stop") this.#pauseReason = ioError(data);
        return undefined;
      case "STOP": {
        // The end of a guest pauses its machine too.
        if (this.cause) return undefined;
        const detail = this.#pauseReason;
        this.#pauseReason = "";
        return { type: "paused", vmId, detail };
      }
      case "RESUME":
        return { type: "resumed", vmId, detail: "" };
      case "RESET":
        return data["guest"] === true
          ? { type: "reset", vmId, detail: word(data["reason"]) }
          : undefined;
      default:
        return undefined;
    }
  }

  #shutDown(cause: ShutdownCause): MachineEvent | undefined {
    if (this.cause) return undefined;
    this.cause = cause;
    return { type: "shutdown", vmId: this.#vmId, cause };
  }
}

function ioError(data: Readonly<Record<string, unknown>>): string {
  return diskError(word(data["node-name"]), data["nospace"] === true, word(data["reason"]));
}

/** Why a guest was paused, in words: the disk of a block node, and what is wrong with it. */
export function diskError(node: string, isFull: boolean, reason: string): string {
  const disk = node.replace(/^disk-/, "");
  return `disk ${disk}: ${isFull ? "the host's file system is full" : reason || "I/O error"}`;
}

function word(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The state of a machine, from the word of `query-status`. */
export function machineState(status: string): Machine["state"] {
  switch (status) {
    case "running":
      return "running";
    case "shutdown":
    case "guest-panicked":
      return "shutdown";
    case "internal-error":
      // The accelerator cannot run it any further, and nothing but a new process helps.
      return "exited";
    default:
      return "paused";
  }
}

/** What to say of a machine that QEMU gave up on, with its word of `query-status`. */
export function givenUp(status: string): string {
  return `QEMU gave its guest up (${status})`;
}
