/** A provider with one small resource type, `thing`, for tests that look at a single rule. */

import * as z from "zod";
import type { Provider, ProviderDefinition } from "../provider.ts";
import { defineProvider } from "../provider.ts";
import type { Resource } from "../resource.ts";
import { resource } from "../resource.ts";
import { pathFromMessage } from "../server/attribute-path.ts";
import { encodeIdentitySchemas, encodeProviderSchema } from "../server/provider-schema.ts";
import { formatPath } from "../value/path.ts";
import type { Core } from "./core.ts";
import { simulate } from "./core.ts";
import { coreValue, decoded, encoded, plainValue } from "./core-value.ts";
import { proposedNew } from "./proposed-new.ts";

/** What a test says of `thing`; the handlers that it leaves out do nothing that matters. */
export type Thing<Schema extends z.ZodObject> = Partial<Omit<Resource<unknown, Schema>, "schema">>;

/** A provider with that one resource, and whatever else is given. */
export function thingProvider<Schema extends z.ZodObject>(
  schema: Schema,
  thing: Thing<Schema> = {},
  rest: Partial<Provider> = {},
): ProviderDefinition {
  const provider: Provider = defineProvider({
    schema: z.object({}),
    description: "",
    configure: () => ({}),
    resources: [
      resource<unknown>()({
        type: "thing",
        version: 0,
        description: "",
        schema,
        create: () => Promise.resolve({ state: {} }),
        read: () => Promise.resolve({ state: {} }),
        update: () => Promise.resolve({ state: {} }),
        delete: () => Promise.resolve(),
        ...thing,
      }),
    ],
    dataSources: [],
    ...rest,
  });
  return {
    name: "test",
    schemaAsset: () => encodeProviderSchema(provider),
    identityAsset: () => encodeIdentitySchemas(provider),
    load: () => Promise.resolve(provider),
  };
}

/** A simulated core with {@link thingProvider}. */
export function thingCore<Schema extends z.ZodObject>(
  schema: Schema,
  thing: Thing<Schema> = {},
  rest: Partial<Provider> = {},
): Promise<Core> {
  return simulate(thingProvider(schema, thing, rest));
}

/** What a provider answered to a plan, without core's checks. */
export interface RawPlan {
  /** Unknown values are `Unknown`. */
  readonly planned: unknown;
  readonly requiresReplace: readonly string[];
  /** `severity summary: detail @ path` each. */
  readonly diagnostics: readonly string[];
  readonly private: string;
}

/** Asks for the plan of `thing` from a configuration and a prior state, null for a create. */
export async function rawPlan(
  core: Core,
  config: object | null,
  prior: object | null,
  priorPrivate = "",
): Promise<RawPlan> {
  const { schema } = core.resource("thing");
  const [configValue, priorValue] = [config, prior].map((plain) => coreValue(schema.type, plain));
  const proposed =
    configValue === null ? null : proposedNew(schema.attributes, priorValue!, configValue!);
  const response = await core.caller.callRaw("planResourceChange", {
    typeName: "thing",
    config: encoded(schema.type, configValue!),
    priorState: encoded(schema.type, priorValue!),
    proposedNewState: encoded(schema.type, proposed),
    priorPrivate: new TextEncoder().encode(priorPrivate),
    clientCapabilities: { writeOnlyAttributesAllowed: true },
  });
  const planned =
    response.plannedState === undefined
      ? undefined
      : plainValue(decoded(schema.type, response.plannedState, "plan", true));
  return {
    planned,
    requiresReplace: response.requiresReplace.map((path) => formatPath(pathFromMessage(path))),
    diagnostics: diagnosticTexts(response),
    private: new TextDecoder().decode(response.plannedPrivate),
  };
}

/** A plan of `thing`, and what it should be. */
export interface PlanCase {
  readonly config: object;
  readonly prior: object | null;
  readonly planned: object;
  readonly replace?: readonly string[];
}

/** What the provider answers to a case, and what it should. */
export async function planOutcome(schema: z.ZodObject, one: PlanCase): Promise<[RawPlan, RawPlan]> {
  const { config, prior, planned, replace: requiresReplace = [] } = one;
  const core = await thingCore(schema);
  const plan = await rawPlan(core, config, prior);
  return [plan, { planned, requiresReplace, diagnostics: [], private: "" }];
}

/** What a provider answered to an apply, without core's checks. */
export interface Applied {
  /** Undefined where the response has no state, null where it says that nothing is there. */
  readonly state: unknown;
  readonly diagnostics: readonly string[];
  readonly private: string;
}

/** One ApplyResourceChange of `thing` with nothing around it. `config` is as planned if left out. */
export async function rawApply(
  core: Core,
  {
    prior = null,
    planned,
    config,
    kept = "",
  }: { prior?: object | null; planned: object | null; config?: object | null; kept?: string },
): Promise<Applied> {
  const { type } = core.resource("thing").schema;
  const value = (plain: object | null) => encoded(type, coreValue(type, plain));
  const response = await core.caller.callRaw("applyResourceChange", {
    typeName: "thing",
    priorState: value(prior),
    plannedState: value(planned),
    config: value(config === undefined ? planned : config),
    plannedPrivate: new TextEncoder().encode(kept),
  });
  return {
    state:
      response.newState === undefined
        ? undefined
        : plainValue(decoded(type, response.newState, "state")),
    diagnostics: diagnosticTexts(response),
    private: new TextDecoder().decode(response.private),
  };
}

/** The diagnostics of a response as text, for comparison. */
export function diagnosticTexts(response: object): string[] {
  const { diagnostics = [] } = response as {
    readonly diagnostics?: readonly {
      readonly severity: number;
      readonly summary: string;
      readonly detail: string;
      readonly attribute?: Parameters<typeof pathFromMessage>[0];
    }[];
  };
  return diagnostics.map(({ severity, summary, detail, attribute }) => {
    const place = attribute === undefined ? "" : ` @ ${formatPath(pathFromMessage(attribute))}`;
    return `${severity === 1 ? "error" : "warning"} ${summary}: ${detail}${place}`;
  });
}
