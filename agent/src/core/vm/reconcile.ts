import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { asLodgeError, lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import { coalesced } from "../../lib/coalesce.ts";
import { claimKey } from "../claim.ts";
import { diskEntry } from "../disk/service.ts";
import type { HypervisorCapabilities, MachineEvent } from "../port/hypervisor.ts";
import type { Acknowledgement } from "../port/networks.ts";
import type { Entry, Expectation } from "../port/store.ts";
import {
  deleteRecord,
  statusMessage,
  type Reconciler,
  type ReconcilerContext,
} from "../reconciler.ts";
import type { Record } from "../record.ts";
import { allocationsOf, attachedDisks, freedDisks, vmEntry } from "./entry.ts";
import { execute, type VmPorts } from "./execute.ts";
import { planVm, type Plan } from "./plan.ts";
import { runStep } from "../step.ts";
import { stepKey, type VmStep } from "./steps.ts";
import { newView, nextTry, noteEvent, rests, stopLasts, type VmView } from "./view.ts";
import type { Related } from "./working.ts";

export interface VmReconcilerOptions extends VmPorts {
  readonly context: ReconcilerContext;
  readonly capabilities: HypervisorCapabilities;
  /** Draws the id of a boot; default a random UUID. */
  readonly drawId?: () => string;
}

/** More turns than a VM can need: past them something is wrong, and the next look is left to the timer. */
const turnLimit = 100;

/** Makes VMs true: asks the plan, does its steps at once with the commit of what is known, and asks again. */
export class VmReconciler implements Reconciler {
  readonly #options: VmReconcilerOptions;
  readonly #context: ReconcilerContext;
  readonly #views = new Map<string, VmView>();
  readonly #since: number;
  readonly #listNics: () => ReturnType<VmPorts["networks"]["listNics"]>;

  constructor(options: VmReconcilerOptions) {
    this.#options = options;
    this.#context = options.context;
    this.#since = options.context.clock.now();
    this.#listNics = coalesced(() => options.networks.listNics());
  }

  /** Takes note of what happened to a guest. */
  noteEvent(event: MachineEvent): void {
    const view = this.#views.get(event.vmId);
    if (view) noteEvent(view, event, this.#context.clock.now());
  }

  /** Takes note that a guest took its address. Resolves with the VM's id, where it is one of ours. */
  async noteAcknowledgement(acknowledgement: Acknowledgement): Promise<string | undefined> {
    const claims = await this.#context.ledger.store.claims(claimKey.mac(acknowledgement.mac));
    const id = claims[0]?.holder?.id;
    const view = id === undefined ? undefined : this.#views.get(id);
    view?.acknowledgements.set(acknowledgement.mac, acknowledgement);
    return view && id;
  }

  /** The network's services were gone: what was plugged into it is set up again. */
  noteBrokenNetwork(networkId: string): void {
    for (const { nics } of this.#views.values()) {
      for (const [name, config] of nics) if (config?.networkId === networkId) nics.set(name, null);
    }
  }

  /** Makes the next turn look at the host. */
  disturb(id: string): void {
    const view = this.#views.get(id);
    if (view) view.disturbances += 1;
  }

  async reconcile(id: string, signal: AbortSignal): Promise<number | undefined> {
    for (let turn = 0; turn < turnLimit; turn++) {
      const record = await this.#context.ledger.store.get("vm", id);
      if (!record) return this.#removeOrphan(id, signal);
      const view = this.#view(record);
      forgetOtherWishes(view, record);
      try {
        await this.#look(record, view, signal);
      } catch (error) {
        signal.throwIfAborted();
        return this.#trouble(record, view, "observe", "observe", error);
      }
      const plan = planVm({
        record,
        view,
        related: await this.#related(record),
        capabilities: this.#options.capabilities,
        now: this.#context.clock.now(),
        stopLasts: stopLasts(view, record.internal, this.#context.clock),
        bootId: (this.#options.drawId ?? randomUUID)(),
      });
      if (plan.finished) {
        const freed = attachedDisks(record).map((disk) => ({ kind: "disk" as const, id: disk }));
        if (await deleteRecord(this.#context, record, "commit_vm", freed)) this.#views.delete(id);
        return undefined;
      }
      if (forgetOver(view, plan, this.#context.clock.now())) continue;
      const changed = !isDeepStrictEqual(plan.draft, record) || plan.dropDisks.length > 0;
      if (!changed && plan.steps.length === 0) return plan.wakeAt;
      const results = await Promise.allSettled([
        changed ? this.#commit(record, plan, view) : undefined,
        ...plan.steps.map((step) => this.#execute(record, view, step, signal)),
      ]);
      const failed = results.find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      signal.throwIfAborted();
    }
    this.#context.log.error({ vm: id }, "a VM does not come to rest; it is looked at again later");
    return undefined;
  }

  #view({ id, createdAt, specRevision, observedRevision }: Record<"vm">): VmView {
    const known = this.#views.get(id);
    if (known) return known;
    // Of a VM that is younger than this agent nothing can be on the host yet: a look would only delay its start.
    const fresh = createdAt > this.#since && specRevision === 1 && observedRevision === 0;
    const view = newView(fresh);
    this.#views.set(id, view);
    return view;
  }

  /** A full look at everything of the VM on the host, where something has happened since the last one. */
  async #look(record: Record<"vm">, view: VmView, signal: AbortSignal): Promise<void> {
    const { hypervisor, networks } = this.#options;
    if (view.machine?.state === "unreachable" && isDue(view, this.#context.clock.now())) {
      view.disturbances += 1;
    }
    while (view.lookedAt !== view.disturbances) {
      const count = view.disturbances;
      const known = new Map(view.acknowledgements);
      const networkIds = new Set(
        allocationsOf(record.internal).map(({ network_id }) => network_id),
      );
      const [machine, nics, ...acknowledgements] = await Promise.all([
        hypervisor.observe(record.id, signal),
        this.#listNics(),
        ...[...networkIds].map((networkId) => networks.acknowledgements(networkId)),
      ]);
      view.machine = machine;
      const names = new Set(nics.filter(({ vmId }) => vmId === record.id).map(({ nic }) => nic));
      for (const name of view.nics.keys()) if (!names.has(name)) view.nics.delete(name);
      for (const name of names) if (!view.nics.has(name)) view.nics.set(name, null);
      for (const found of acknowledgements.flat()) {
        // A newer one may have come since this look began; which is newer, the times cannot tell.
        const same = view.acknowledgements.get(found.mac) === known.get(found.mac);
        if (same) view.acknowledgements.set(found.mac, found);
      }
      view.lookedAt = count;
      if (machine?.state !== "unreachable") continue;
      // This look was a whole one: the next is due when the trouble has rested.
      const failure = lodgeError("MONITOR_FAILED", machine.detail ?? "");
      this.#trouble(record, view, "observe", "observe", failure);
      view.lookedAt += 1;
    }
    if (view.machine?.state === "unreachable") return;
    view.troubles.delete("observe");
    if (view.machine?.state !== "paused") view.troubles.delete("resume_guest");
  }

  async #related(record: Record<"vm">): Promise<Related> {
    const { store } = this.#context.ledger;
    const { spec, internal } = record;
    const images = [spec.kernel?.image_id, spec.kernel?.initrd_image_id].filter(
      (id) => id !== undefined,
    );
    const networks = allocationsOf(internal).map(({ network_id }) => network_id);
    const disks = [...attachedDisks(record), ...Object.values(internal.disks)];
    const byId = async <T extends { readonly id: string }>(
      ids: readonly string[],
      get: (id: string) => Promise<T | undefined>,
    ): Promise<Map<string, T>> => {
      const records = await Promise.all([...new Set(ids)].map(get));
      return new Map(
        records.filter((found) => found !== undefined).map((found) => [found.id, found]),
      );
    };
    return {
      disks: await byId(disks, (id) => store.get("disk", id)),
      networks: await byId(networks, (id) => store.get("network", id)),
      images: await byId(images, (id) => store.get("image", id)),
    };
  }

  /** Writes what is known. Where somebody wrote meanwhile, nothing is: the next turn sees both. */
  async #commit(record: Record<"vm">, plan: Plan, view: VmView): Promise<void> {
    const { ledger, clock } = this.#context;
    const news = view.news;
    const put: Entry[] = [await vmEntry(ledger.store, plan.draft)];
    const expect: Expectation[] = [{ kind: "vm", id: record.id, sequence: record.sequence }];
    for (const id of new Set(plan.dropDisks)) {
      const disk = await ledger.store.get("disk", id);
      if (!disk || disk.deletedAt !== undefined) continue;
      expect.push({ kind: "disk", id, sequence: disk.sequence });
      put.push(
        diskEntry({
          ...disk,
          deletedAt: clock.now(),
          status: { ...disk.status, phase: "deleting", message: "" },
        }),
      );
    }
    try {
      await ledger.commit(
        { expect, put },
        "commit_vm",
        record,
        record,
        freedDisks(record, plan.draft),
      );
      view.news = view.news.slice(news.length);
    } catch (error) {
      if (error instanceof LodgeError && error.code === "ABORTED") return;
      throw error;
    }
  }

  async #execute(
    record: Record<"vm">,
    view: VmView,
    step: VmStep,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await execute({ ...this.#options, ...this.#context }, record, view, step, signal);
      view.troubles.delete(stepKey(step));
    } catch (error) {
      signal.throwIfAborted();
      if (step.name === "start_machine") {
        const known = asLodgeError(error);
        const message = statusMessage(known);
        view.startFailure = { bootId: step.config.bootId, reason: known.reason, message };
        view.disturbances += 1;
      } else this.#trouble(record, view, step.name, stepKey(step), error);
    }
  }

  /** Notes a failure: the host is looked at anew, and the step rests. */
  #trouble(
    { specRevision, deletedAt }: Record<"vm">,
    view: VmView,
    step: string,
    key: string,
    error: unknown,
  ): number {
    const known = asLodgeError(error);
    const count = (view.troubles.get(key)?.count ?? 0) + 1;
    const retryAt = nextTry(step, count, this.#context.clock.now());
    const { reason } = known;
    const message = statusMessage(known);
    view.disturbances += 1;
    view.troubles.set(key, { step, specRevision, deletedAt, reason, message, count, retryAt });
    this.#context.log.warn({ step, error: known }, "a step failed; it is tried again");
    return retryAt;
  }

  /** What is on the host for a VM that is not in the store. */
  async #removeOrphan(id: string, signal: AbortSignal): Promise<undefined> {
    const { hypervisor, networks } = this.#options;
    const of = { kind: "vm", id } as const;
    await runStep(this.#context, "delete_machine", of, () => hypervisor.delete(id, signal));
    const nics = (await networks.listNics()).filter(({ vmId }) => vmId === id);
    const unplug = (nic: string) =>
      runStep(this.#context, "unplug_nic", of, () => networks.unplug(id, nic, signal));
    await Promise.all(nics.map(({ nic }) => unplug(nic)));
    this.#views.delete(id);
    return undefined;
  }
}

/** Whether a failed look may be tried again. */
function isDue({ troubles }: VmView, now: number): boolean {
  const trouble = troubles.get("observe");
  return trouble !== undefined && !rests(trouble, now);
}

/** What failed under another wish may be right now. Whether the host can be asked does not depend on wishes. */
function forgetOtherWishes({ troubles }: VmView, { specRevision, deletedAt }: Record<"vm">): void {
  for (const [key, trouble] of troubles) {
    const same = trouble.specRevision === specRevision && trouble.deletedAt === deletedAt;
    if (!same && key !== "observe") troubles.delete(key);
  }
}

/** Forgets the failures of steps that may be tried again and are not wanted any more; answers whether there were any. */
function forgetOver({ troubles }: VmView, plan: Plan, now: number): boolean {
  const wanted = new Set([...plan.steps, ...plan.resting].map(stepKey));
  const over = [...troubles].filter(([key, trouble]) => !rests(trouble, now) && !wanted.has(key));
  for (const [key] of over) troubles.delete(key);
  return over.length > 0;
}
