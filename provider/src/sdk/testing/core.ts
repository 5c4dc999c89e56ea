/**
 * A simulator of what Terraform's core does with one resource instance, and of everything that it
 * checks on the way. It talks to a provider through encoded protobuf messages, so a property test
 * of a resource needs no Terraform:
 *
 * ```ts
 * const core = await simulate(definition, { path });
 * let disk = await core.apply("lodge_disk", undefined, { name: "a", size: "1GiB" });
 * disk = await core.apply("lodge_disk", disk, { name: "a", size: "2GiB" });
 * await core.destroy("lodge_disk", disk!);
 * ```
 *
 * Whatever core would refuse is a `CoreViolation`; what the provider itself reports as an error is
 * a `CoreError`.
 */

import type {
  GetProviderSchema_Response,
  ResourceIdentitySchema,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { ProviderDefinition } from "../provider.ts";
import { createProviderService, type ProviderService } from "../server/service.ts";
import type { Type } from "../value/type.ts";
import { parseType } from "../value/type.ts";
import type { Value } from "../value/value.ts";
import type { Instance } from "./core-error.ts";
import { CoreViolation } from "./core-error.ts";
import { invokeAction } from "./core-action.ts";
import { listObjects, type Listed } from "./core-list.ts";
import { readSchema } from "./core-schema.ts";
import { coreValue, decoded, encoded, plainValue } from "./core-value.ts";
import type { Plan } from "./core-plan.ts";
import { ManagedResource } from "./managed-resource.ts";
import { ProviderCaller } from "./provider-caller.ts";

/** Starts a provider and configures it. */
export function simulate(
  definition: ProviderDefinition,
  configuration: object = {},
): Promise<Core> {
  return simulateService(createProviderService(definition), configuration);
}

/** The same with a provider that is there already, perhaps in another process. */
export async function simulateService(
  service: ProviderService,
  configuration: object = {},
): Promise<Core> {
  const caller = new ProviderCaller(service);
  const schema = await caller.call("getProviderSchema", {});
  const { identitySchemas } = await caller.call("getResourceIdentitySchemas", {});
  const core = new Core(caller, schema, identitySchemas);
  await core.configure(configuration);
  return core;
}

/** One provider process as core sees it. Make one with {@link simulate}. */
export class Core {
  /** For calls that the other methods do not make. */
  readonly caller: ProviderCaller;
  readonly schema: GetProviderSchema_Response;
  readonly #identities: Readonly<Record<string, ResourceIdentitySchema>>;
  #beginWalk = (): Promise<void> => Promise.resolve();

  /** Checks all schemas as core does when it loads a provider. */
  constructor(
    caller: ProviderCaller,
    schema: GetProviderSchema_Response,
    identities: Readonly<Record<string, ResourceIdentitySchema>> = {},
  ) {
    this.caller = caller;
    this.schema = schema;
    this.#identities = identities;
    readSchema(schema.provider, "provider");
    const { resourceSchemas, dataSourceSchemas, ephemeralResourceSchemas } = schema;
    for (const schemas of [resourceSchemas, dataSourceSchemas, ephemeralResourceSchemas]) {
      for (const [type, one] of Object.entries(schemas)) readSchema(one, type);
    }
    for (const [type, one] of Object.entries(schema.listResourceSchemas)) {
      readSchema(one, type);
      if (identities[type] === undefined)
        throw new CoreViolation(`list ${type}: the resource has no identity`);
    }
    for (const [type, { schema: one }] of Object.entries(schema.actionSchemas))
      readSchema(one, type);
    for (const [name, one] of Object.entries(schema.functions)) {
      if (one.return === undefined) throw new CoreViolation(`function ${name} has no return type`);
    }
    if (schema.serverCapabilities?.planDestroy !== true)
      throw new CoreViolation("plan_destroy is off");
  }

  /** Validates and sets the provider's configuration. */
  async configure(configuration: object, terraformVersion = "1.11.4"): Promise<void> {
    const { type } = readSchema(this.schema.provider, "provider");
    const config = encoded(type, coreValue(type, configuration));
    await this.caller.call("validateProviderConfig", { config });
    const clientCapabilities = { deferralAllowed: true, writeOnlyAttributesAllowed: true };
    this.#beginWalk = async () => {
      await this.caller.call("configureProvider", { terraformVersion, config, clientCapabilities });
    };
    await this.#beginWalk();
  }

  /** The life of a resource type's instances. */
  resource(type: string): ManagedResource {
    return new ManagedResource(
      this.caller,
      type,
      readSchema(this.schema.resourceSchemas[type], type, this.#identities[type]),
      () => this.#beginWalk(),
    );
  }

  /** Plans: refreshes an existing instance, then asks what the configuration would change. */
  plan(type: string, instance: Instance | undefined, config: object): Promise<Plan> {
    return this.resource(type).plan(instance, config);
  }

  /**
   * Plans with `before` (what was known then; default: everything), applies with `config`, and
   * demands that a further plan is empty.
   */
  apply(
    type: string,
    instance: Instance | undefined,
    config: object,
    before?: object,
  ): Promise<Instance> {
    return this.resource(type).converge(instance, config, before);
  }

  /** @returns undefined when the object is gone */
  refresh(type: string, instance: Instance): Promise<Instance | undefined> {
    return this.resource(type).refresh(instance);
  }

  import(type: string, id: string): Promise<Instance> {
    return this.resource(type).import(id);
  }

  /** As a newer Terraform imports where an `import` block names the identity. */
  importByIdentity(type: string, identity: object): Promise<Instance> {
    return this.resource(type).importByIdentity(identity);
  }

  destroy(type: string, instance: Instance): Promise<void> {
    return this.resource(type).destroy(instance);
  }

  /** Lists objects, as `terraform query` does: with their states where they are asked for. */
  list(
    type: string,
    config: object,
    options: { readonly limit?: number; readonly wholeState?: boolean } = {},
  ): Promise<Listed[]> {
    const schema = readSchema(this.schema.listResourceSchemas[type], type);
    return listObjects(this.caller, this.resource(type), schema, config, options);
  }

  /** Validates, plans and invokes an action. @returns the lines that the user reads. */
  invoke(type: string, config: object, before?: object): Promise<string[]> {
    const schema = readSchema(this.schema.actionSchemas[type]?.schema, type);
    return invokeAction(this.caller, type, schema, config, before);
  }

  /** The configuration that the provider writes for an object in the state, as plain JavaScript. */
  async generate(type: string, { state }: Instance): Promise<Record<string, unknown>> {
    const { type: shape } = this.resource(type).schema;
    const request = { typeName: type, state: encoded(shape, state) };
    const { config } = await this.caller.call("generateResourceConfig", request);
    return plainValue(decoded(shape, config, "generated configuration")) as never;
  }

  /** Validates and reads a data source. */
  async readDataSource(typeName: string, configuration: object): Promise<Value> {
    const { type } = readSchema(this.schema.dataSourceSchemas[typeName], typeName);
    const config = encoded(type, coreValue(type, configuration));
    await this.caller.call("validateDataResourceConfig", { typeName, config });
    const { state } = await this.caller.call("readDataSource", { typeName, config });
    return decoded(type, state, typeName);
  }

  /** Calls a provider function. @throws Error with the function's own words */
  async callFunction(name: string, args: readonly unknown[]): Promise<Value> {
    const definition = this.schema.functions[name];
    if (definition?.return === undefined) throw new Error(`there is no function ${name}`);
    const typeOf = (parameter: { readonly type: Uint8Array } | undefined): Type =>
      parseType(new TextDecoder().decode(parameter?.type));
    const values = args.map((argument, index) => {
      const type = typeOf(definition.parameters[index] ?? definition.variadicParameter);
      return encoded(type, coreValue(type, argument));
    });
    const { result, error } = await this.caller.call("callFunction", { name, arguments: values });
    if (error !== undefined) {
      const at =
        error.functionArgument === undefined ? "" : ` (argument ${error.functionArgument})`;
      throw new Error(`${error.text}${at}`);
    }
    return decoded(typeOf(definition.return), result, name, true);
  }
}
