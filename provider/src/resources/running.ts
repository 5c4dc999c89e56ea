/**
 * What a guest was started with. No agent tells it, and while changes wait for the next boot the state says only the wish.
 * So the provider keeps it beside the state from the update that made them wait, until the guest boots again.
 */
import type { Item } from "@lodge/schemas/kind-client.ts";
import { VmSpec } from "@lodge/schemas/spec/vm.ts";
import type { JsonValue, PrivateData, Values } from "../sdk/values.ts";
import { sameSpec } from "./translate.ts";
import type { vmSchema } from "./vm-schema.ts";

type State = Values<typeof vmSchema>;

/** The attributes that the guest runs with, where that is kept: a VM's wish as in a state. */
export function runningOf(kept: PrivateData): Readonly<Record<string, unknown>> | undefined {
  const running = kept["running"] as
    | { readonly spec: Readonly<Record<string, JsonValue>> }
    | undefined;
  return running?.spec;
}

/** What of it is still so of a VM that is read. */
export function stillRunning(kept: PrivateData, { status }: Item<"vm">): PrivateData {
  const running = kept["running"] as { readonly boots: number } | undefined;
  const isSo = status.restart_required.length > 0 && running?.boots === status.boots;
  return isSo ? { running: kept["running"]! } : {};
}

/**
 * What is to be kept after an update: `wished` is the VM as the Put answered it, `item` as it is now. Before the Put the
 * guest ran with the prior wish if nothing waited, whenever it was started: the Put has found no other wish than that.
 */
export function runningAfter(
  {
    plan,
    prior,
    private: kept,
  }: { readonly plan: State; readonly prior: State; readonly private: PrivateData },
  wished: Item<"vm">,
  item: Item<"vm">,
): PrivateData {
  const { boots, restart_required: waits } = item.status;
  if (prior.restart_required.length > 0) return stillRunning(kept, item);
  const isPrior = wished.status.boots === boots && !sameSpec("vm", plan, prior);
  if (waits.length === 0 || !isPrior) return {};
  const names = Object.keys(VmSpec.shape) as (keyof typeof VmSpec.shape)[];
  const spec = Object.fromEntries(names.map((name) => [name, prior[name] as JsonValue]));
  return { running: { boots, spec } };
}
