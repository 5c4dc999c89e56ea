import { PowerState } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Define } from "../command.ts";
import { definePower } from "./power.ts";

/** `lodge vm start`: edits the desired power state, also of VMs that powered themselves off. */
export const start: Define = (command, io) => {
  command.description(
    "Sets the power state of VMs to running, also of those whose guest powered itself off.",
  );
  definePower(command, io, PowerState.RUNNING);
};
