/** The life of a managed resource's instance, with every check that core makes on the way. */

import type {
  ApplyResourceChange_Response,
  AttributePath,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { pathFromMessage } from "../server/attribute-path.ts";
import { valueKey, valuesEqual } from "../value/equal.ts";
import { encodeJson } from "../value/json.ts";
import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import type { Value } from "../value/value.ts";
import { isWhollyKnown, member } from "../value/value.ts";
import type { Instance } from "./core-error.ts";
import { CoreViolation } from "./core-error.ts";
import { CoreIdentities } from "./core-identities.ts";
import type { CoreSchema } from "./core-schema.ts";
import { coreValue, decoded, encoded } from "./core-value.ts";
import { stripWriteOnly, writeOnlyPlaces } from "./core-write-only.ts";
import { assertObjectCompatible } from "./object-compatible.ts";
import { assertPlanValid } from "./plan-valid.ts";
import type { Plan } from "./core-plan.ts";
import { forcesReplace, valueAt } from "./core-plan.ts";
import { proposedNew } from "./proposed-new.ts";
import type { ProviderCaller } from "./provider-caller.ts";
import { hasErrors } from "./provider-caller.ts";

const CAPABILITIES = { deferralAllowed: false, writeOnlyAttributesAllowed: true };

/** One resource type. */
export class ManagedResource {
  readonly #caller: ProviderCaller;
  readonly #typeName: string;
  readonly #schema: CoreSchema;
  readonly #identities: CoreIdentities;
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
    this.#identities = new CoreIdentities(typeName, schema.identity);
  }

  get typeName(): string {
    return this.#typeName;
  }

  get schema(): CoreSchema {
    return this.#schema;
  }

  #violation(problems: readonly string[], what: string): void {
    if (problems.length > 0)
      throw new CoreViolation(`${this.#typeName}: ${what}: ${problems.join("; ")}`);
  }

  #encode(value: Value): { msgpack: Uint8Array } {
    return encoded(this.#schema.type, value);
  }

  /** Core never stores a write-only value. */
  #writeOnly(value: Value, what: string): void {
    const places = writeOnlyPlaces(this.#schema.attributes, value);
    this.#violation(places, `${what} holds a write-only value`);
  }

  async validate(config: object): Promise<void> {
    await this.#validate(coreValue(this.#schema.type, config));
  }

  async #validate(config: Value): Promise<void> {
    await this.#caller.call("validateResourceConfig", {
      typeName: this.#typeName,
      config: this.#encode(config),
      clientCapabilities: CAPABILITIES,
    });
  }

  /** Upgrades a stored state, as core does before everything else. */
  async upgrade(json: string, version = this.#schema.version): Promise<Value> {
    const { upgradedState } = await this.#caller.call("upgradeResourceState", {
      typeName: this.#typeName,
      version: BigInt(version),
      rawState: { json: new TextEncoder().encode(json) },
    });
    const state = decoded(this.#schema.type, upgradedState, "upgraded state");
    this.#writeOnly(state, "upgraded state");
    return state;
  }

  /** Upgrades a stored identity, as core does where its version is an older one. */
  async upgradeIdentity(json: string, version: number): Promise<Value> {
    const { upgradedIdentity } = await this.#caller.call("upgradeResourceIdentity", {
      typeName: this.#typeName,
      version: BigInt(version),
      rawIdentity: { json: new TextEncoder().encode(json) },
    });
    return this.#identities.demand(upgradedIdentity, undefined, "upgraded identity") ?? null;
  }

  /** @returns undefined when the object is gone */
  async refresh(instance: Instance): Promise<Instance | undefined> {
    const { type } = this.#schema;
    const upgraded = await this.upgrade(encodeJson(type, instance.state));
    if (!valuesEqual(type, upgraded, instance.state)) {
      throw new CoreViolation(`${this.#typeName}: the upgrade of a current state changed it`);
    }
    const response = await this.#caller.callRaw("readResource", {
      typeName: this.#typeName,
      currentState: this.#encode(upgraded),
      private: instance.private,
      clientCapabilities: CAPABILITIES,
      currentIdentity: this.#identities.encode(instance.identity),
    });
    this.#caller.check(response, instance);
    if (response.newState === undefined)
      throw new CoreViolation(`${this.#typeName}: read gave no state`);
    const state = decoded(type, response.newState, "state after read");
    this.#writeOnly(state, "state after read");
    if (state === null) return undefined;
    const { newIdentity } = response;
    const identity = this.#identities.demand(newIdentity, instance.identity, "identity after read");
    return { ...instance, state, private: response.private, identity };
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
    await this.#validate(config);
    const prior = refreshed === undefined || refreshed.tainted ? null : refreshed.state;
    const { attributes, type } = this.#schema;
    if (refreshed?.tainted === true) {
      // Core keeps the private data of a tainted object from its plan, like its state.
      const again = await this.#planOnce(null, config, new Uint8Array(), null);
      return {
        ...again,
        action: "replace",
        prior: refreshed.state,
        requiresReplace: [],
        refreshed,
      };
    }
    const kept = refreshed?.private ?? new Uint8Array();
    const first = await this.#planOnce(prior, config, kept, refreshed?.identity ?? null);
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
    const second = await this.#planOnce(null, config, first.private, first.identity);
    return { ...second, action: "replace", prior, requiresReplace: replace, refreshed };
  }

  async #planOnce(
    prior: Value,
    config: Value,
    priorPrivate: Uint8Array,
    priorIdentity: Value,
  ): Promise<{ planned: Value; private: Uint8Array; paths: Path[]; identity: Value }> {
    const { attributes, type } = this.#schema;
    const proposed = stripWriteOnly(attributes, proposedNew(attributes, prior, config));
    const response = await this.#caller.call("planResourceChange", {
      typeName: this.#typeName,
      priorState: this.#encode(prior),
      proposedNewState: this.#encode(proposed),
      config: this.#encode(config),
      priorPrivate,
      priorIdentity: this.#identities.encode(priorIdentity),
      clientCapabilities: CAPABILITIES,
    });
    if (response.legacyTypeSystem)
      throw new CoreViolation("the legacy type system is for old SDKs");
    if (response.deferred !== undefined) throw new CoreViolation("deferral was not allowed");
    const planned = decoded(type, response.plannedState, "planned state", true);
    this.#violation(assertPlanValid(attributes, { prior, config, planned }), "invalid plan");
    this.#writeOnly(planned, "planned state");
    const paths = response.requiresReplace.map((path) => this.#replacePath(path, prior, planned));
    const sorted = paths.map((path) => formatPath(path));
    if (new Set(sorted).size !== sorted.length)
      throw new CoreViolation("requires_replace names a path twice");
    // Only an object that stays has its identity already.
    const told = response.plannedIdentity;
    const identity =
      prior === null
        ? this.#identities.decode(told, undefined, "planned identity")
        : this.#identities.demand(told, priorIdentity, "planned identity");
    return { planned, private: response.plannedPrivate, paths, identity: identity ?? null };
  }

  #replacePath(message: AttributePath, prior: Value, planned: Value): Path {
    const path = pathFromMessage(message);
    if (
      prior !== null &&
      valueAt(prior, path) === undefined &&
      valueAt(planned, path) === undefined
    ) {
      throw new CoreViolation(
        `${this.#typeName}: requires_replace names ${formatPath(path)}, which is nowhere`,
      );
    }
    return path;
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
        await this.#applyOnce(refreshed!.state, null, null, plan, refreshed);
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
    this.#violation(problems, "inconsistent final plan");
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
    return this.#applyOnce(final.prior, final.planned, known, final, refreshed);
  }

  async #applyOnce(
    prior: Value,
    planned: Value,
    config: Value,
    plan: Pick<Plan, "private" | "identity">,
    before: Instance | undefined,
  ): Promise<Instance | undefined> {
    const { type } = this.#schema;
    const response = await this.#caller.callRaw("applyResourceChange", {
      typeName: this.#typeName,
      priorState: this.#encode(prior),
      plannedState: this.#encode(planned),
      config: this.#encode(config),
      plannedPrivate: plan.private,
      plannedIdentity: this.#identities.encode(planned === null ? null : plan.identity),
    });
    const failed = hasErrors(response);
    if (response.newState === undefined && !failed)
      throw new CoreViolation("apply gave neither a state nor an error");
    const state =
      response.newState === undefined
        ? prior
        : decoded(type, response.newState, "state after apply");
    this.#writeOnly(state, "state after apply");
    const isCreate = prior === null;
    const tainted = failed && (isCreate || before?.tainted === true);
    const identity = this.#identityAfterApply(response, state, isCreate ? undefined : before);
    const instance: Instance | undefined =
      state === null
        ? undefined
        : { type: this.#typeName, state, private: response.private, identity, tainted };
    this.#caller.check(response, instance);
    this.#violation(
      assertObjectCompatible(type, planned, state),
      "inconsistent result after apply",
    );
    return instance;
  }

  #identityAfterApply(
    response: ApplyResourceChange_Response,
    state: Value,
    before: Instance | undefined,
  ): Value | undefined {
    const what = "identity after apply";
    const [told, kept] = [response.newIdentity, before?.identity];
    if (state !== null && !hasErrors(response)) return this.#identities.demand(told, kept, what);
    const identity = this.#identities.decode(told, kept, what);
    this.#violation(state === null && identity !== null ? [what] : [], "what is gone has one");
    return identity ?? kept;
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
  import(id: string): Promise<Instance> {
    return this.#import(id, undefined);
  }

  /** Imports by identity, and reads. */
  importByIdentity(identity: object): Promise<Instance> {
    return this.#import("", this.#identities.given(identity));
  }

  async #import(id: string, asked: Value | undefined): Promise<Instance> {
    const { importedResources } = await this.#caller.call("importResourceState", {
      typeName: this.#typeName,
      id,
      identity: this.#identities.encode(asked),
      clientCapabilities: CAPABILITIES,
    });
    const [imported, ...others] = importedResources;
    if (imported === undefined || others.length > 0 || imported.typeName !== this.#typeName) {
      throw new CoreViolation(`${this.#typeName}: import must give exactly one object of its type`);
    }
    const state = decoded(this.#schema.type, imported.state, "imported state");
    this.#writeOnly(state, "imported state");
    if (state === null) throw new CoreViolation(`${this.#typeName}: import gave no object`);
    const stub: Instance = {
      type: this.#typeName,
      state,
      private: imported.private,
      identity: this.#identities.demand(imported.identity, asked, "imported identity"),
      tainted: false,
    };
    const read = await this.refresh(stub);
    if (read === undefined) throw new CoreViolation("Cannot import non-existent remote object");
    return read;
  }

  /** Refreshes, plans the destruction and destroys. */
  async destroy(instance: Instance): Promise<void> {
    const refreshed = await this.refresh(instance);
    if (refreshed === undefined) return;
    const response = await this.#caller.call("planResourceChange", {
      typeName: this.#typeName,
      priorState: this.#encode(refreshed.state),
      proposedNewState: this.#encode(null),
      config: this.#encode(null),
      priorPrivate: refreshed.private,
      priorIdentity: this.#identities.encode(refreshed.identity),
      clientCapabilities: CAPABILITIES,
    });
    if (decoded(this.#schema.type, response.plannedState, "planned state") !== null) {
      throw new CoreViolation(`${this.#typeName}: the plan of a destroy must be null`);
    }
    const plan = { private: response.plannedPrivate, identity: null };
    await this.#beginWalk();
    const left = await this.#applyOnce(refreshed.state, null, null, plan, refreshed);
    if (left !== undefined)
      throw new CoreViolation(`${this.#typeName}: something is left after the destroy`);
  }
}
