import type { Item } from "@lodge/schemas/kind-client.ts";
import { vmRules } from "@lodge/schemas/spec/vm.ts";
import { randomUUID } from "node:crypto";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import type { Diagnostics } from "../sdk/diagnostic.ts";
import { gone, resource } from "../sdk/resource.ts";
import type { PartialValues, PrivateData, Values } from "../sdk/values.ts";
import { timeouts } from "./common.ts";
import { deadline, type Deadline } from "./deadline.ts";
import { tellForcedStop } from "./forced-stop.ts";
import { current, deleteItem, Failure, keep, outcome, readItem } from "./kind-object.ts";
import { kindResource, privateOf, stateOf, type KindDefinition } from "./kind-resource.ts";
import { onOneHost } from "./placement.ts";
import { put } from "./put.ts";
import { runningAfter, stillRunning } from "./running.ts";
import { follow } from "./settle.ts";
import { sameSpec, specOf } from "./translate.ts";
import { planVm } from "./vm-plan.ts";
import { vmSchema } from "./vm-schema.ts";
import { checkWaits } from "./wait-check.ts";
import { Overdue, primaryNic, waitFor } from "./wait-for.ts";
import { openWaits, stillWaited, waitedFor, type Before } from "./waited.ts";

export const vmKind: KindDefinition<"vm", typeof vmSchema> = {
  kind: "vm",
  schema: vmSchema,
  placement: onOneHost,
  // Nothing was waited for.
  imported: { ready: true },
  derive: (item) => ({
    memory_bytes: item.spec.memory,
    ipv4_address: primaryNic(item)?.ipv4_address ?? null,
  }),
  plan: planVm,
};

const common = kindResource(vmKind);

/** How long an agent that has failed may take to start the VM at another try, in milliseconds. */
const RECOVERY = 5000;

/** The answer of create and update. */
interface Applied {
  readonly state: PartialValues<typeof vmSchema>;
  readonly private: PrivateData;
  readonly error?: unknown;
}

export const vm = resource<Hosts>()({
  type: "lodge_vm",
  version: 0,
  description: "A QEMU virtual machine.",
  schema: vmSchema,
  rules: vmRules,
  ...common,
  validate: ({ config, diagnostics }) => checkWaits(config, diagnostics),
  async create({ plan, client, diagnostics, signal, afterwards }) {
    const limit = deadline("create", timeouts(plan), signal);
    const agent = await client.agent(plan.host);
    const wish = { id: randomUUID(), spec: specOf("vm", plan) };
    const tell = diagnostics.warning.bind(diagnostics);
    const wished = await put(agent, "vm", wish, limit, tell);
    const first = await achieve(agent, wished, plan, limit);
    const isOver = !(first.error instanceof Failure) || !(await recovers(agent, wished, limit));
    const { item, error, waited } = isOver ? first : await achieve(agent, first.item, plan, limit);
    keep(agent, "vm", item.id, { signal, afterwards });
    if (error === undefined) return applied(item, true, waited);
    if (error instanceof Failure && item.status.boots === 0)
      return { ...applied(item, false, waited), error: neverRan(error) };
    if (error instanceof Overdue && plan.wait_for?.on_timeout === "fail")
      return { ...applied(item, false, waited), error };
    // From here on the VM exists: an error would taint it, and the next apply would destroy it.
    warn(diagnostics, item, error);
    return applied(item, false, waited);
  },
  async update(context) {
    const { plan, prior, client, private: kept, signal, diagnostics } = context;
    const limit = deadline("update", timeouts(plan), signal);
    const agent = await client.agent(prior.actual_host, "state");
    const wished = await edit(agent, plan, prior, kept, limit);
    const before = { ready: prior.ready, private: kept };
    const reached = await achieve(agent, wished, plan, limit, before);
    const { item, waited, error = powerDrift(item, plan.power_state) } = reached;
    tellForcedStop(diagnostics, wished, item);
    const beside = { ...waited, ...runningAfter(context, wished, item) };
    const made = applied(item, error === undefined, beside);
    return error === undefined ? made : { ...made, error };
  },
  async read({ state, client, private: kept, signal }) {
    const item = await readItem("vm", client, onOneHost.home(state), state.id, signal);
    if (!item) return gone;
    // What a wait has found out is no fact of the agent's; an imported VM has nothing to wait for.
    const isAsWished = item.status.actual_power_state === item.spec.power_state;
    const ready = (state.ready ?? true) && isAsWished;
    const waited = ready ? waitedFor(state.wait_for, item) : stillWaited(kept);
    return applied(item, ready, { ...waited, ...stillRunning(kept, item) });
  },
  async delete({ state, client, signal, diagnostics }) {
    const agent = await client.agent(state.actual_host, "state");
    let first: Item<"vm"> | undefined;
    let last: Item<"vm"> | undefined;
    await deleteItem(agent, "vm", state, deadline("delete", timeouts(state), signal), (seen) => {
      first ??= seen;
      last = seen;
    });
    if (first && last) tellForcedStop(diagnostics, first, last);
  },
});

/** Puts an edit, unless the agent's wish is the same already and the VM is as it says. */
async function edit(
  agent: Agent,
  plan: Values<typeof vmSchema>,
  prior: Values<typeof vmSchema>,
  kept: PrivateData,
  limit: Deadline,
): Promise<Item<"vm">> {
  const drifted = prior.actual_power_state !== plan.power_state;
  if (sameSpec("vm", plan, prior) && !drifted) {
    return current(agent, "vm", prior, limit);
  }
  return put(
    agent,
    "vm",
    { id: prior.id, spec: specOf("vm", plan), expectedRevision: kept["revision"] as number },
    limit,
  );
}

/** Whether an agent that has failed, and tries again by itself, gets there soon. */
async function recovers(agent: Agent, { id, specRevision }: Item<"vm">, limit: Deadline) {
  const signal = AbortSignal.any([limit.signal, AbortSignal.timeout(RECOVERY)]);
  return follow(agent, "vm", id, { signal }, (seen) => {
    return seen === undefined || seen.observedRevision >= specRevision;
  }).then(
    (seen) => seen !== undefined,
    () => false,
  );
}

/** An error, although it taints: a guest that never ran has written nothing that could be lost. */
function neverRan(failure: Failure): Error {
  return Object.assign(new Error(failure.message, { cause: failure }), {
    remedy:
      "Its guest has never run. It is tainted, so the next apply makes it anew; if what is wrong is mended before that, the agent starts it by itself, and `terraform untaint` keeps it.",
  });
}

/** What has become of a wish, and what of its waits is to be kept. An error says what did not come true. */
interface Reached {
  readonly item: Item<"vm">;
  readonly waited: PrivateData;
  readonly error?: unknown;
}

/** Waits until the VM is as wished for, then for what of `wait_for` its guest has not shown yet. */
async function achieve(
  agent: Agent,
  wished: Item<"vm">,
  plan: Values<typeof vmSchema>,
  limit: Deadline,
  before?: Before,
): Promise<Reached> {
  const result = await outcome(agent, "vm", wished, limit);
  if ("error" in result) {
    const waited = stillWaited(before?.private ?? {});
    return { item: await latest(agent, wished), waited, error: result.error };
  }
  const wanted = plan.power_state === "running" ? plan.wait_for : null;
  const open = openWaits(wanted, result, before);
  if (!wanted || open.length === 0) return { item: result, waited: waitedFor(wanted, result) };
  const left = new Set(open);
  const ended = await waitFor(agent, result, wanted, open, limit, (name) => left.delete(name)).then(
    () => ({}),
    (error: unknown) => ({ error }),
  );
  const waited = waitedFor(wanted, result, [...left]);
  return { item: await latest(agent, result), waited, ...ended };
}

/** What is to be said where the guest has its own mind: it came to what was planned, and did not stay there. */
function powerDrift({ spec, status }: Item<"vm">, wished: string | null): Error | undefined {
  const { actual_power_state: actual, message } = status;
  if (actual === wished) return undefined;
  return new Error(`The VM ${spec.name} is ${actual} again, not ${wished}. ${message}`.trim());
}

/** The VM as it is now; as it was last seen where the agent does not answer. */
async function latest(agent: Agent, item: Item<"vm">): Promise<Item<"vm">> {
  return agent
    .kind("vm")
    .get({ id: item.id }, false, { timeoutMs: 5000 })
    .catch(() => item);
}

function applied(item: Item<"vm">, ready: boolean, beside: PrivateData): Applied {
  const state = stateOf(vmKind, item) as PartialValues<typeof vmSchema>;
  return { state: { ...state, ready }, private: { ...privateOf(item), ...beside } };
}

function warn(diagnostics: Diagnostics, item: Item<"vm">, error: unknown): void {
  diagnostics.warning(
    `The VM ${item.spec.name} is made, and not ready`,
    `${error instanceof Error ? error.message : String(error)}\n\nIt is kept with ready = false. The next apply waits again; \`lodge vm log ${item.spec.name}\` and \`lodge vm console ${item.spec.name}\` show what it does.`,
  );
}
