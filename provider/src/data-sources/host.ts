import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { dataSource } from "../sdk/data-source.ts";

const Capability = z.object({
  name: z.string().meta({ description: "What it is about." }),
  available: z.boolean().meta({ description: "Whether the host can do it." }),
  reason: z.string().meta({ description: "Why, or why not." }),
});

export const host = dataSource<Hosts>()({
  type: "lodge_host",
  description: "A host, what it has and what it can do.",
  schema: z.object({
    name: z.string().optional().meta({
      description:
        "The host's name in the provider's `hosts`. Default: the provider's `default_host`.",
      computed: "stable",
    }),
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
    memory_bytes: z
      .int()
      .meta({ description: "The host's memory in bytes.", computed: "volatile" }),
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
  }),
  async read({ config, client, signal }) {
    const agent = await client.agent(config.name);
    const told = await agent.host(signal);
    return {
      name: told.name,
      version: told.version,
      accelerator: told.accelerator,
      accelerator_reason: told.acceleratorReason,
      qemu_version: told.qemuVersion,
      machine_type: told.machineType,
      cpus: told.cpus,
      memory_bytes: Number(told.memoryBytes),
      memory_committed_bytes: Number(told.memoryCommittedBytes),
      image_roots: told.imageRoots,
      capabilities: told.capabilities.map(({ name, available, reason }) => ({
        name,
        available,
        reason,
      })),
    };
  },
});
