import { asLodgeError } from "@lodge/schemas/rpc/error.ts";
import * as z from "zod";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import { dataSource } from "../sdk/data-source.ts";
import { readOnly } from "../sdk/schema/read-only.ts";
import { factsOf, hostFacts } from "./host-facts.ts";

/** Milliseconds that a host has to answer: one that is dead may not hold up what is asked of all. */
const PATIENCE = 5000;

const schema = z.object({
  reachable: z.boolean().optional().meta({
    description:
      "`true` for hosts whose agent answers, `false` for those whose does not. Default: all.",
  }),
  capability: z.string().min(1).optional().meta({
    description: "Only hosts that say of the capability with this name that it is available.",
  }),
  names: z
    .array(z.string())
    .meta({ description: "Their names, in alphabetical order.", computed: "volatile" }),
  hosts: z
    .array(
      z.object({
        name: z.string().meta({ description: "The host's name in the provider's `hosts`." }),
        reachable: z.boolean().meta({
          description: "Whether its agent has answered. Where it has not, nothing else is known.",
        }),
        problem: z.string().nullable().meta({ description: "Why its agent has not answered." }),
        ...readOnly(hostFacts),
      }),
    )
    .meta({ description: "The hosts, in the order of their names.", computed: "volatile" }),
});

interface Seen {
  readonly name: string;
  readonly reachable: boolean;
  readonly problem: string | null;
  readonly facts: ReturnType<typeof factsOf> | Readonly<Record<keyof typeof hostFacts, null>>;
}

const nothing = Object.fromEntries(Object.keys(hostFacts).map((name) => [name, null])) as {
  readonly [Name in keyof typeof hostFacts]: null;
};

async function look(agent: Agent, signal: AbortSignal): Promise<Seen> {
  const { name } = agent;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
  try {
    return { name, reachable: true, problem: null, facts: factsOf(await agent.host(limit)) };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, retryable, message } = asLodgeError(thrown);
    const isAway =
      limit.aborted || (retryable && /^(?:UNAVAILABLE|DEADLINE_EXCEEDED)$/u.test(code));
    // Whoever shows the wrong certificate is not away, and must hear of it.
    if (!isAway) throw thrown;
    return { name, reachable: false, problem: message, facts: nothing };
  }
}

export const hosts = dataSource<Hosts>()({
  type: "lodge_hosts",
  description:
    "All hosts of the provider, what they have and what they can do. A host whose agent does not answer is listed as not reachable, and is no error.",
  schema,
  async read({ config, client, signal }) {
    const agents = await client.agents(null);
    const { reachable, capability } = config;
    const seen = await Promise.all(agents.map((agent) => look(agent, signal)));
    const meant = seen.filter(
      ({ reachable: answers, facts }) =>
        (reachable === null || reachable === answers) &&
        (capability === null ||
          (facts.capabilities ?? []).some(
            ({ name, available }) => name === capability && available,
          )),
    );
    return {
      names: meant.map(({ name }) => name),
      hosts: meant.map(({ facts, ...about }) => ({ ...about, ...facts })),
    };
  },
});
