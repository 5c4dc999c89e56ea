/** The life of a managed resource's instance, walk by walk, as core leads it. */

import { valueKey, valuesEqual } from "../value/equal.ts";
import { encodeJson } from "../value/json.ts";
import type { Value } from "../value/value.ts";
import { isWhollyKnown, member } from "../value/value.ts";
import type { Instance } from "./core-error.ts";
import { CoreViolation } from "./core-error.ts";
import type { Plan } from "./core-plan.ts";
import { forcesReplace } from "./core-plan.ts";
import type { CoreSchema } from "./core-schema.ts";
import { coreValue } from "./core-value.ts";
import { assertObjectCompatible } from "./object-compatible.ts";
import type { ProviderCaller } from "./provider-caller.ts";
import { ResourceCalls } from "./resource-calls.ts";

/** One resource type. */
export class ManagedResource {
  readonly #caller: ProviderCaller;
  readonly #calls: ResourceCalls;
  readonly #typeName: string;
  readonly #schema: CoreSchema;
  readonly #beginWalk: () => Promise<void>;

  /** `beginWalk` configures the provider anew: plan and apply are walks of their own, in processes of their own. */
  constructor(
    caller: ProviderCaller,
    typeName: string,
    schema: CoreSchema,
    beginWalk: () => Promise<void> = () => Promise.resolve(),
  ) {
    this.#beginWalk = beginWalk;
    this.#caller = caller;
    this.#typeName = typeName;
    this.#schema = schema;
    this.#calls = new ResourceCalls(caller, typeName, schema);
  }

  get typeName(): string {
    return this.#typeName;
  }

  get schema(): CoreSchema {
    return this.#schema;
  }

  async validate(config: object): Promise<void> {
    await this.#calls.validate(coreValue(this.#schema.type, config));
  }

  /** Upgrades a stored state, as core does before everything else. */
  upgrade(json: string, version = this.#schema.version): Promise<Value> {
    return this.#calls.upgrade(json, version);
  }

  /** Upgrades a stored identity, as core does where its version is an older one. */
  upgradeIdentity(json: string, version: number): Promise<Value> {
    return this.#calls.upgradeIdentity(json, version);
  }

  /** @returns undefined when the object is gone */
  async refresh(instance: Instance): Promise<Instance | undefined> {
    const { type } = this.#schema;
    const upgraded = await this.upgrade(encodeJson(type, instance.state));
    if (!valuesEqual(type, upgraded, instance.state)) {
      throw new CoreViolation(`${this.#typeName}: the upgrade of a current state changed it`);
    }
    return this.#calls.read({ ...instance, state: upgraded });
  }

  /** Refreshes, then plans, with a new object as by `-replace` where that is asked for. The configuration may hold unknown values. */
  async plan(
    instance: Instance | undefined,
    config: object,
    { replace = false }: { readonly replace?: boolean } = {},
  ): Promise<Plan> {
    const refreshed = instance === undefined ? undefined : await this.refresh(instance);
    return this.#plan(refreshed, coreValue(this.#schema.type, config), replace);
  }

  async #plan(refreshed: Instance | undefined, config: Value, forced = false): Promise<Plan> {
    await this.#calls.validate(config);
    const prior = refreshed === undefined || refreshed.tainted ? null : refreshed.state;
    const { attributes, type } = this.#schema;
    if (refreshed?.tainted === true) {
      // Core keeps the private data of a tainted object from its plan, like its state.
      const again = await this.#calls.plan(null, config, new Uint8Array(), null);
      return {
        ...again,
        action: "replace",
        prior: refreshed.state,
        requiresReplace: [],
        refreshed,
      };
    }
    const kept = refreshed?.private ?? new Uint8Array();
    const first = await this.#calls.plan(prior, config, kept, refreshed?.identity ?? null);
    if (prior === null)
      return { ...first, action: "create", prior, requiresReplace: [], refreshed };
    const replace = first.paths.filter((path) =>
      forcesReplace(attributes, prior, first.planned, path),
    );
    const unchanged = valuesEqual(type, prior, first.planned);
    if (!forced && (unchanged || replace.length === 0)) {
      return {
        ...first,
        action: unchanged ? "no-op" : "update",
        prior,
        requiresReplace: [],
        refreshed,
      };
    }
    const second = await this.#calls.plan(null, config, first.private, first.identity);
    return { ...second, action: "replace", prior, requiresReplace: replace, refreshed };
  }

  /** Plans again with what is known now, checks that against the first plan, and applies. */
  async apply(plan: Plan, config: object): Promise<Instance | undefined> {
    const known = coreValue(this.#schema.type, config);
    if (!isWhollyKnown(known)) throw new Error("a configuration must be known at apply");
    let { refreshed } = plan;
    if (plan.action === "no-op") return refreshed;
    await this.#beginWalk();
    try {
      if (plan.action === "replace") {
        await this.#calls.apply(refreshed!.state, null, null, plan, refreshed);
        refreshed = undefined;
      }
      return await this.#finish(plan, refreshed, known);
    } finally {
      await this.#caller.shutdown();
      await this.#beginWalk();
    }
  }

  async #finish(
    plan: Plan,
    refreshed: Instance | undefined,
    known: Value,
  ): Promise<Instance | undefined> {
    const final = await this.#plan(refreshed, known);
    const problems = assertObjectCompatible(this.#schema.type, plan.planned, final.planned);
    this.#calls.demandNone(problems, "inconsistent final plan");
    const allowed =
      plan.action === "replace"
        ? ["create"]
        : plan.action === "update"
          ? ["update", "no-op"]
          : [plan.action];
    if (!allowed.includes(final.action)) {
      throw new CoreViolation(`${this.#typeName}: planned ${plan.action}, but now ${final.action}`);
    }
    if (final.action === "no-op") return final.refreshed;
    return this.#calls.apply(final.prior, final.planned, known, final, refreshed);
  }

  /** Plans with `before`, applies with `config`, demands that nothing is left to do. */
  async converge(
    instance: Instance | undefined,
    config: object,
    before: object = config,
  ): Promise<Instance> {
    const plan = await this.plan(instance, before);
    const after = await this.apply(plan, config);
    if (after === undefined)
      throw new CoreViolation(`${this.#typeName}: nothing is there after apply`);
    const again = await this.plan(after, config);
    if (again.action !== "no-op") {
      const { prior, planned } = again;
      const changed = this.#schema.attributes.filter(
        ({ name, type }) => !valuesEqual(type, member(prior, name), member(planned, name)),
      );
      const shown = changed.map(
        ({ name, type }) =>
          `${name}: ${valueKey(type, member(prior, name))} -> ${valueKey(type, member(planned, name))}`,
      );
      throw new CoreViolation(
        `${this.#typeName}: the plan after an apply is not empty: ${shown.join("; ")}`,
      );
    }
    return again.refreshed!;
  }

  /** Imports and reads, as core does. */
  async import(id: string): Promise<Instance> {
    return this.#readImported(await this.#calls.import(id));
  }

  /** Imports by identity, and reads. */
  async importByIdentity(identity: object): Promise<Instance> {
    return this.#readImported(await this.#calls.import("", identity));
  }

  async #readImported(stub: Instance): Promise<Instance> {
    const read = await this.refresh(stub);
    if (read === undefined) throw new CoreViolation("Cannot import non-existent remote object");
    return read;
  }

  /** Refreshes, plans the destruction and destroys. */
  async destroy(instance: Instance): Promise<void> {
    const refreshed = await this.refresh(instance);
    if (refreshed === undefined) return;
    const plan = await this.#calls.planDestroy(refreshed);
    await this.#beginWalk();
    const left = await this.#calls.apply(refreshed.state, null, null, plan, refreshed);
    if (left !== undefined)
      throw new CoreViolation(`${this.#typeName}: something is left after the destroy`);
  }
}
