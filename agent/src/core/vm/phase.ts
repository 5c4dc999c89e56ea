import type { VmPhase } from "@lodge/schemas/spec/vm.ts";

/**
 * Which phase may follow which. A phase is derived from the wish and from what is seen, never set by itself; where two
 * things happen between two looks (a guest starts and powers off at once), a phase in between is passed over.
 */
export const nextPhases: Readonly<Record<VmPhase, readonly VmPhase[]>> = {
  // Of a wish that was just written. A restarted agent may find the guest further than the record.
  pending: [
    "provisioning",
    "starting",
    "running",
    "paused",
    "stopping",
    "stopped",
    "deleting",
    "failed",
  ],
  provisioning: ["starting", "running", "paused", "stopping", "stopped", "deleting", "failed"],
  starting: ["provisioning", "running", "paused", "stopping", "stopped", "deleting", "failed"],
  running: ["paused", "stopping", "stopped", "provisioning", "starting", "deleting", "failed"],
  paused: ["running", "stopping", "stopped", "provisioning", "starting", "deleting", "failed"],
  // Back to running where the wish changed and the guest ignored the button; to starting where it is a restart.
  stopping: ["stopped", "running", "paused", "provisioning", "starting", "deleting", "failed"],
  stopped: ["provisioning", "starting", "running", "paused", "stopping", "deleting", "failed"],
  failed: ["provisioning", "starting", "running", "paused", "stopping", "stopped", "deleting"],
  // Followed by nothing: the record goes.
  deleting: [],
};

/** Whether a phase may follow another, or is the same. */
export function mayFollow(from: VmPhase, to: VmPhase): boolean {
  return from === to || nextPhases[from].includes(to);
}
