/** The provider as Terraform's core sees it, against agents of tests: everything of both but their processes. */
import { simulate, type Core } from "@lodge/provider/sdk/testing/core.ts";
import { CoreError, type Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import type { ProviderDefinition } from "@lodge/provider/sdk/provider.ts";
import type { Identity } from "@lodge/schemas/rpc/tls.ts";
import { clientIdentity, type CoreAgent } from "./core-agent.ts";

const definition: ProviderDefinition = {
  name: "lodge",
  schemaAsset: async () => (await import("@lodge/provider/gen/provider-schema.ts")).providerSchema,
  identityAsset: async () =>
    (await import("@lodge/provider/gen/provider-schema.ts")).identitySchemas,
  load: async () => (await import("@lodge/provider/provider.ts")).provider,
};

/** How often a property is tried: so often in every run of the tests, six times that in a long one. */
export const runs = (count: number): number =>
  process.env["LODGE_TEST_ALL"] === "1" ? 6 * count : count;

const admin = clientIdentity();

/** The provider block for agents, and for whom they know. */
export async function providerBlock(
  agents: readonly Pick<CoreAgent, "name" | "endpoint">[],
  identity?: Identity,
): Promise<object> {
  const { ca, certificate, key } = identity ?? (await admin);
  return {
    hosts: Object.fromEntries(agents.map(({ name, endpoint }) => [name, { endpoint }])),
    ca_certificate_pem: ca,
    client_certificate_pem: certificate,
    client_key_pem: key,
  };
}

/** A process of the provider, configured. Every command of Terraform has at least one of its own. */
export async function provider(
  agents: readonly Pick<CoreAgent, "name" | "endpoint">[],
  further: { readonly identity?: Identity; readonly block?: object } = {},
): Promise<Core> {
  const block = await providerBlock(agents, further.identity);
  return simulate(definition, { ...block, ...further.block });
}

/** What a state says. */
// eslint-disable-next-line typescript/no-explicit-any
export function attributes({ state }: Pick<Instance, "state">): Record<string, any> {
  // eslint-disable-next-line typescript/no-explicit-any
  return plainValue(state) as Record<string, any>;
}

/** What came of an apply: what is in the state, and what the user reads. */
export interface Attempt {
  readonly instance: Instance | undefined;
  /** The errors, a line each; undefined where it succeeded. */
  readonly error: string | undefined;
  readonly warnings: readonly string[];
}

/** Plans, and applies that. Errors at the plan are thrown, those of the apply are in the answer. */
export async function attempt(
  core: Core,
  type: string,
  item: Instance | undefined,
  config: object,
): Promise<Attempt> {
  const made = await core.plan(type, item, config);
  const said = core.caller.warnings.length;
  const result = await core
    .resource(type)
    .apply(made, config)
    .then(
      (instance) => ({ instance, error: undefined }),
      (error: unknown) => {
        if (!(error instanceof CoreError)) throw error;
        return { instance: error.instance, error: error.message };
      },
    );
  const warnings = core.caller.warnings.slice(said);
  return { ...result, warnings: warnings.map(({ summary, detail }) => `${summary}: ${detail}`) };
}
