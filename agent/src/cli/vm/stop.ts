import { PowerState } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Define } from "../command.ts";
import { definePower } from "./power.ts";

/** `lodge vm stop`: presses the power button, and pulls the plug after the VM's shutdown_timeout. */
export const stop: Define = (command, io) => {
  command.description(
    "Sets the power state of VMs to stopped: the guest is asked to shut down, and is ended after its shutdown_timeout. Terraform shows this as a change of power_state.",
  );
  definePower(command, io, PowerState.STOPPED);
};
