import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { attributesOf } from "../resources/translate.ts";
import { vmSchema } from "../resources/vm-schema.ts";
import { primaryNic } from "../resources/wait-for.ts";
import { dataSource } from "../sdk/data-source.ts";
import { AttributeError } from "../sdk/diagnostic.ts";
import { pointed } from "../resources/put.ts";

const {
  actual_power_state,
  restart_required,
  ipv4_address,
  disk_status,
  nic_status,
  memory_bytes,
  actual_host,
} = vmSchema.shape;

const schema = z.object({
  id: z
    .string()
    .optional()
    .meta({ description: "The VM's id. Exactly one of `id` and `name`.", computed: "stable" }),
  name: z
    .string()
    .optional()
    .meta({ description: "The VM's name. Exactly one of `id` and `name`.", computed: "stable" }),
  host: z.string().optional().meta({
    description:
      "The host to look for the name on. Default: the provider's `default_host`. An id is looked for on all hosts.",
  }),
  actual_host,
  cpus: z.int().meta({ description: "How many virtual CPUs.", computed: "volatile" }),
  memory_bytes,
  power_state: z
    .string()
    .meta({ description: "Whether it is wished to run.", computed: "volatile" }),
  actual_power_state,
  restart_required,
  ipv4_address,
  disk_status,
  nic_status,
});

export const vm = dataSource<Hosts>()({
  type: "lodge_vm",
  description: "A VM that exists already, by its id or its name. None is an error.",
  schema,
  rules: [
    {
      paths: ["id", "name"],
      test: ({ id, name }) =>
        (id === undefined) === (name === undefined)
          ? "Exactly one of id and name says which VM is meant."
          : undefined,
    },
  ],
  async read({ config, client, signal }) {
    const item = await find(client, config, signal);
    const told = attributesOf("vm", vmSchema, item);
    const facts = Object.fromEntries(Object.keys(schema.shape).map((name) => [name, told[name]]));
    return {
      ...facts,
      host: config.host,
      actual_host: item.host,
      memory_bytes: item.spec.memory,
      ipv4_address: primaryNic(item)?.ipv4_address ?? null,
    };
  },
});

async function find(
  client: Hosts,
  { id, name, host }: { id: string | null; name: string | null; host: string | null },
  signal: AbortSignal,
) {
  if (id !== null) {
    const item = await client.find("vm", id, signal);
    if (item) return item;
    throw new AttributeError(["id"], `No host has a VM with the id ${id}.`);
  }
  const agent = await client.agent(host);
  return agent
    .kind("vm")
    .get({ name: name! }, false, { signal })
    .catch((thrown: unknown) => {
      throw pointed(thrown);
    });
}
