import type { MachineConfig } from "../../lib/machine-config.ts";

/** A guest as it is seen on the host. */
export interface Machine {
  readonly vmId: string;
  readonly bootId: string;
  readonly pid: number;
  /**
   * `exited`: the process has ended and only its files are left, or it has given its guest up and can only be ended.
   * `shutdown`: the guest powered off, QEMU waits.
   * `unreachable`: the process runs, and its monitor does not tell what the guest does; it can only be ended by `stop`.
   */
  readonly state: "running" | "paused" | "shutdown" | "exited" | "unreachable";
  /** Of `shutdown`: why, also where that happened while no agent was there to see it. */
  readonly cause?: ShutdownCause;
  /**
   * Of `exited`: what is known of its end, as in the event. Of `unreachable`: what is wrong with its monitor. Of `paused`:
   * QEMU's word for why, where it is neither a disk's error nor somebody who paused it.
   */
  readonly detail?: string;
  /** Of `paused`, where a disk's error is why: which disk and what, as in the event. */
  readonly diskError?: string;
  readonly accelerator: "kvm" | "tcg";
  /** When the process was started, milliseconds since 1970. */
  readonly startedAt: number;
}

/** Why a guest ended itself. */
export type ShutdownCause = "guest_shutdown" | "guest_reset" | "guest_panic";

/** What happened to a guest. That `stop` ended it is no event. */
export type MachineEvent =
  /** The guest powered itself off or asked for a reboot that was to end it; QEMU waits to be stopped. */
  | {
      readonly type: "shutdown";
      readonly vmId: string;
      readonly cause: ShutdownCause;
    }
  /** The process has ended; `detail` says what is known: an exit code or signal and QEMU's last words. */
  | { readonly type: "exited"; readonly vmId: string; readonly detail: string }
  /** `reconnected`: its monitor was out of reach and answers again; what happened in between was not told. */
  | {
      readonly type: "paused" | "resumed" | "reset" | "reconnected";
      readonly vmId: string;
      readonly detail: string;
    };

export interface HypervisorCapabilities {
  readonly qemuVersion: string;
  /** The versioned machine type that new guests get. */
  readonly machineType: string;
  readonly accelerator: "kvm" | "tcg";
  /** Why it is that accelerator, in words for people. */
  readonly acceleratorReason: string;
  /** Whether `firmware = "uefi"` can be used, and why not. */
  readonly uefi: { readonly available: boolean; readonly reason: string };
}

/** Starts, watches and stops guests. Everything may be repeated; a guest outlives the agent. */
export interface Hypervisor {
  capabilities(signal: AbortSignal): Promise<HypervisorCapabilities>;
  /** Starts the guest, or answers the one that runs. Throws FAILED_PRECONDITION (reason QEMU_FAILED) with QEMU's own words. */
  start(config: MachineConfig, signal: AbortSignal): Promise<Machine>;
  /** A full look at one guest: undefined where nothing of it is on the host. Reconnects where needed. */
  observe(vmId: string, signal: AbortSignal): Promise<Machine | undefined>;
  /** The ids of all guests of which anything is on the host. */
  list(): Promise<readonly string[]>;
  /** Presses the power button. */
  powerDown(vmId: string, signal: AbortSignal): Promise<void>;
  /**
   * Ends the process, at once and for certain, and removes what it left, but for what its guest printed: that is kept
   * until the next boot. Nothing to do is success.
   */
  stop(vmId: string, signal: AbortSignal): Promise<void>;
  /** As `stop`, and removes what is kept of the VM between its boots: the variables of its firmware, and what it printed. */
  delete(vmId: string, signal: AbortSignal): Promise<void>;
  /** Tells a running guest the new size of a disk. */
  resizeDisk(vmId: string, disk: string, bytes: number, signal: AbortSignal): Promise<void>;
  /**
   * Lets a guest run on that was paused for a disk's error; it writes again what failed. Throws RESOURCE_EXHAUSTED
   * (reason DISK_FULL) while there is too little room.
   */
  resume(vmId: string, signal: AbortSignal): Promise<void>;
  /** What a reboot from inside does: `reset` reboots, `shutdown` ends the guest so that the agent starts it anew. */
  setRebootAction(vmId: string, action: "reset" | "shutdown", signal: AbortSignal): Promise<void>;
  /** Calls the listener with every event; the returned function ends that. */
  onEvent(listener: (event: MachineEvent) => void): () => void;
}

/** The serial console of a guest. */
export interface Consoles {
  /**
   * The history first, then what comes, until the signal aborts or the guest's process ends. With `historyOnly`, what the
   * guest printed so far, or the last one where none runs. Throws FAILED_PRECONDITION (reason VM_NOT_RUNNING) where
   * nothing of that is there.
   */
  read(
    vmId: string,
    options: { readonly historyOnly: boolean },
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>;
  /** Types into the console. Throws FAILED_PRECONDITION where no guest runs. */
  write(vmId: string, input: Uint8Array): Promise<void>;
}
