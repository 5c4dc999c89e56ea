import type { Host } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import * as z from "zod";

const Capability = z.object({
  name: z.string().meta({ description: "What it is about." }),
  available: z.boolean().meta({ description: "Whether the host can do it." }),
  reason: z.string().meta({ description: "Why, or why not." }),
});

/** What a host tells about itself, as attributes. */
export const hostFacts = {
  version: z
    .string()
    .meta({ description: "The version of the host's agent.", computed: "volatile" }),
  accelerator: z.string().meta({
    description:
      "What runs guests: `kvm`, or `tcg` for emulation. Found out by trying, not by looking at files.",
    computed: "volatile",
  }),
  accelerator_reason: z
    .string()
    .meta({ description: "Why it is that accelerator.", computed: "volatile" }),
  qemu_version: z.string().meta({ description: "The version of QEMU.", computed: "volatile" }),
  machine_type: z
    .string()
    .meta({ description: "The versioned machine type that new VMs get.", computed: "volatile" }),
  cpus: z.int().meta({ description: "How many processors the host has.", computed: "volatile" }),
  memory_bytes: z.int().meta({ description: "The host's memory in bytes.", computed: "volatile" }),
  memory_committed_bytes: z
    .int()
    .meta({ description: "What its running VMs were promised, in bytes.", computed: "volatile" }),
  image_roots: z.array(z.string()).meta({
    description: "The directories that `host_path` of an image may lie in.",
    computed: "volatile",
  }),
  capabilities: z.array(Capability).meta({
    description: "What the host can do and what not, each with its reason.",
    computed: "volatile",
  }),
} as const;

/** The attributes of a host that has answered. */
export function factsOf(host: Host) {
  return {
    version: host.version,
    accelerator: host.accelerator,
    accelerator_reason: host.acceleratorReason,
    qemu_version: host.qemuVersion,
    machine_type: host.machineType,
    cpus: host.cpus,
    memory_bytes: Number(host.memoryBytes),
    memory_committed_bytes: Number(host.memoryCommittedBytes),
    image_roots: host.imageRoots,
    capabilities: host.capabilities.map(({ name, available, reason }) => ({
      name,
      available,
      reason,
    })),
  };
}
