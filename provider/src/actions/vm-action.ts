/** What the actions on VMs do alike: find the VM, follow it, tell how it goes. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { duration } from "@lodge/schemas/spec/duration.ts";
import { objectId } from "@lodge/schemas/spec/field.ts";
import * as z from "zod";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import { isAskedLater } from "../resources/asked-later.ts";
import { deadline, isLate, type Deadline } from "../resources/deadline.ts";
import { follow } from "../resources/settle.ts";
import type { InvokeContext, PlanActionContext } from "../sdk/action.ts";
import { AttributeError } from "../sdk/diagnostic.ts";
import { isKnown } from "../sdk/value/unknown.ts";

const defaultTimeout = "5m";

/** What every action on a VM is told. */
export const vmActionSchema = z.object({
  vm_id: objectId.meta({ description: "The id of the VM. All hosts are asked for it." }),
  timeout: duration({ min: 1000, max: 24 * 3_600_000 })
    .optional()
    .meta({
      description: `How long to wait until it is done. Default \`${defaultTimeout}\`. What takes longer goes on, and the action is an error.`,
    }),
});

type Schema = typeof vmActionSchema;

/** Refuses a VM that does not exist, as far as its host can be asked before anything is changed. */
export async function planVmAction({
  config: { vm_id: id },
  client,
  signal,
}: PlanActionContext<Schema, Hosts>): Promise<void> {
  if (!isKnown(id)) return;
  try {
    await findVm(client, id, signal);
  } catch (thrown) {
    // Whoever does not answer now is asked when the action is invoked.
    if (!isAskedLater(thrown)) throw thrown;
  }
}

async function findVm(client: Hosts, id: string, signal: AbortSignal): Promise<Item<"vm">> {
  const item = await client.find("vm", id, signal, "look");
  if (item) return item;
  throw new AttributeError(["vm_id"], `No host has a VM with the id ${id}.`);
}

/** A VM that something is done to. */
export interface Target {
  readonly agent: Agent;
  readonly item: Item<"vm">;
  readonly limit: Deadline;
  /** Tells the user where the VM is in its life, whenever that is news. */
  readonly tell: (item: Item<"vm">) => void;
}

/**
 * Finds the VM, does something to it, and follows it until what that answers is so. Throws where the VM fails or goes
 * meanwhile, and where the time runs out.
 *
 * @param goal what it is to be, in a word: "running"
 */
export async function invokeVmAction(
  { config, client, progress, signal }: InvokeContext<Schema, Hosts>,
  goal: string,
  begin: (target: Target) => Promise<(seen: Item<"vm">) => boolean>,
): Promise<void> {
  const timeout = config.timeout ?? defaultTimeout;
  const limit = deadline("update", { update: timeout }, signal);
  const found = await findVm(client, config.vm_id, limit.signal);
  const agent = await client.agent(found.host);
  const { name } = found.spec;
  let said = "";
  const tell = ({ status: { phase, message } }: Item<"vm">): void => {
    const line = `${name} is ${phase}${message === "" ? "" : `: ${message}`}`;
    if (line !== said) progress(line);
    said = line;
  };
  try {
    const item = await agent.kind("vm").get({ id: found.id }, false, { signal: limit.signal });
    const isDone = await begin({ agent, item, limit, tell });
    await follow(agent, "vm", found.id, limit, (seen) => {
      if (!seen) throw new Error(`The VM ${name} was deleted meanwhile.`);
      tell(seen);
      if (isDone(seen)) return true;
      if (seen.status.phase === "failed" && seen.sequence > item.sequence)
        throw new Error(`The VM ${name} has failed: ${seen.status.message}`);
      return false;
    });
    const end = `${name} is ${goal}`;
    if (!said.startsWith(end)) progress(end);
  } catch (thrown) {
    if (!isLate(limit.signal)) throw thrown;
    throw new Error(
      `The VM ${name} is not ${goal} after ${timeout}; it goes on without Terraform. Raise timeout, or look at what holds it up with \`lodge vm log ${name}\`.`,
      { cause: thrown },
    );
  } finally {
    agent.forget();
  }
}
