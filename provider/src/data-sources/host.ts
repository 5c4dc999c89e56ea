import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { dataSource } from "../sdk/data-source.ts";
import { factsOf, hostFacts } from "./host-facts.ts";

export const host = dataSource<Hosts>()({
  type: "lodge_host",
  description:
    "A host, what it has and what it can do. It is an error if its agent does not answer.",
  schema: z.object({
    name: z.string().optional().meta({
      description:
        "The host's name in the provider's `hosts`. Default: the provider's `default_host`.",
      computed: "stable",
    }),
    ...hostFacts,
  }),
  async read({ config, client, signal }) {
    const agent = await client.agent(config.name, ["name"]);
    const told = await agent.host(signal);
    return { name: told.name, ...factsOf(told) };
  },
});
