/** The calls of a managed resource, each with every check that core makes of its answer. */

import type {
  ApplyResourceChange_Response,
  AttributePath,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { pathFromMessage } from "../server/attribute-path.ts";
import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import type { Value } from "../value/value.ts";
import type { Instance } from "./core-error.ts";
import { CoreViolation } from "./core-error.ts";
import { CoreIdentities } from "./core-identities.ts";
import type { Plan } from "./core-plan.ts";
import { valueAt } from "./core-plan.ts";
import type { CoreSchema } from "./core-schema.ts";
import { decoded, encoded } from "./core-value.ts";
import { stripWriteOnly, writeOnlyPlaces } from "./core-write-only.ts";
import { assertObjectCompatible } from "./object-compatible.ts";
import { assertPlanValid } from "./plan-valid.ts";
import { proposedNew } from "./proposed-new.ts";
import type { ProviderCaller } from "./provider-caller.ts";
import { hasErrors } from "./provider-caller.ts";

const CAPABILITIES = { deferralAllowed: false, writeOnlyAttributesAllowed: true };

/** What one call of PlanResourceChange plans. */
export interface PlannedChange extends Pick<Plan, "planned" | "private" | "identity"> {
  /** What forces a replacement, as the provider says it. */
  readonly paths: readonly Path[];
}

/** Those of one resource type. */
export class ResourceCalls {
  readonly #caller: ProviderCaller;
  readonly #typeName: string;
  readonly #schema: CoreSchema;
  readonly #identities: CoreIdentities;

  constructor(caller: ProviderCaller, typeName: string, schema: CoreSchema) {
    this.#caller = caller;
    this.#typeName = typeName;
    this.#schema = schema;
    this.#identities = new CoreIdentities(typeName, schema.identity);
  }

  /** Throws a CoreViolation where there are problems. */
  demandNone(problems: readonly string[], what: string): void {
    if (problems.length > 0)
      throw new CoreViolation(`${this.#typeName}: ${what}: ${problems.join("; ")}`);
  }

  #encode(value: Value): { msgpack: Uint8Array } {
    return encoded(this.#schema.type, value);
  }

  /** Core never stores a write-only value. */
  #writeOnly(value: Value, what: string): void {
    const places = writeOnlyPlaces(this.#schema.attributes, value);
    this.demandNone(places, `${what} holds a write-only value`);
  }

  async validate(config: Value): Promise<void> {
    await this.#caller.call("validateResourceConfig", {
      typeName: this.#typeName,
      config: this.#encode(config),
      clientCapabilities: CAPABILITIES,
    });
  }

  /** Upgrades a stored state, as core does before everything else. */
  async upgrade(json: string, version: number): Promise<Value> {
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
  async read(instance: Instance): Promise<Instance | undefined> {
    const response = await this.#caller.callRaw("readResource", {
      typeName: this.#typeName,
      currentState: this.#encode(instance.state),
      private: instance.private,
      clientCapabilities: CAPABILITIES,
      currentIdentity: this.#identities.encode(instance.identity),
    });
    this.#caller.check(response, instance);
    if (response.newState === undefined)
      throw new CoreViolation(`${this.#typeName}: read gave no state`);
    const state = decoded(this.#schema.type, response.newState, "state after read");
    this.#writeOnly(state, "state after read");
    if (state === null) return undefined;
    const { newIdentity } = response;
    const identity = this.#identities.demand(newIdentity, instance.identity, "identity after read");
    return { ...instance, state, private: response.private, identity };
  }

  async plan(
    prior: Value,
    config: Value,
    priorPrivate: Uint8Array,
    priorIdentity: Value,
  ): Promise<PlannedChange> {
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
    this.demandNone(assertPlanValid(attributes, { prior, config, planned }), "invalid plan");
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

  /** Plans the destruction of an object. */
  async planDestroy(instance: Instance): Promise<Pick<Plan, "private" | "identity">> {
    const response = await this.#caller.call("planResourceChange", {
      typeName: this.#typeName,
      priorState: this.#encode(instance.state),
      proposedNewState: this.#encode(null),
      config: this.#encode(null),
      priorPrivate: instance.private,
      priorIdentity: this.#identities.encode(instance.identity),
      clientCapabilities: CAPABILITIES,
    });
    if (decoded(this.#schema.type, response.plannedState, "planned state") !== null) {
      throw new CoreViolation(`${this.#typeName}: the plan of a destroy must be null`);
    }
    return { private: response.plannedPrivate, identity: null };
  }

  async apply(
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
    this.demandNone(
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
    this.demandNone(state === null && identity !== null ? [what] : [], "what is gone has one");
    return identity ?? kept;
  }

  /** Imports by an id, or by an identity where one is given, and reads nothing yet. */
  async import(id: string, identity?: object): Promise<Instance> {
    const asked = identity && this.#identities.given(identity);
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
    return {
      type: this.#typeName,
      state,
      private: imported.private,
      identity: this.#identities.demand(imported.identity, asked, "imported identity"),
      tainted: false,
    };
  }
}
