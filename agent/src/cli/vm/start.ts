import { PowerState } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Define } from "../command.ts";
import { definePower } from "./power.ts";

/** `lodge vm start`: wishes VMs running, also those that powered themselves off. */
export const start: Define = (command, io) => {
  command.description("Wishes VMs running, also those whose guest powered itself off.");
  definePower(command, io, PowerState.RUNNING);
};
