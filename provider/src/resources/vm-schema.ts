import { VmSpec, VmStatus } from "@lodge/schemas/spec/vm.ts";
import * as z from "zod";
import { hostAttributes, idAttribute, timeoutsAttribute } from "./common.ts";
import { WaitFor } from "./wait-for.ts";

/** The attributes of `lodge_vm`. */
export const vmSchema = z.object({
  id: idAttribute,
  ...hostAttributes,
  ...VmSpec.shape,
  memory_bytes: z.int().meta({ description: "The memory in bytes.", computed: "volatile" }),
  actual_power_state: VmStatus.shape.actual_power_state,
  restart_required: VmStatus.shape.restart_required,
  ipv4_address: z.string().nullable().meta({
    description: "The IPv4 address of the primary interface, known after the first apply.",
    computed: "volatile",
  }),
  disk_status: VmStatus.shape.disk_status,
  nic_status: z.array(VmStatus.shape.nic_status.element.omit({ acknowledged: true })).meta({
    description: "The interfaces as they are, in the order of their names.",
    computed: "volatile",
  }),
  wait_for: WaitFor.optional().meta({
    description: "What an apply waits for after the guest has started. Default: nothing.",
  }),
  ready: z.boolean().meta({
    description: "Whether the VM is as declared and everything in `wait_for` has come true.",
    computed: "volatile",
  }),
  ...timeoutsAttribute,
});
