/** What a start-up snapshot is made of: the modules, the provider's schemas as they are derived, the first answer. */
import "./plugin/session.ts";
import "./server/handlers.ts";
import type { ProviderDefinition } from "./provider.ts";
import { deriveSchema } from "./schema/derive.ts";
import { createProviderService } from "./server/service.ts";

/** Loads everything that a plan needs. What it runs is kept compiled. */
export async function preload(definition: ProviderDefinition): Promise<void> {
  // Node itself loads it to listen. Asked for, since bundlers leave out an import of Node's that nobody uses.
  process.getBuiltinModule("node:cluster");
  const provider = await definition.load();
  const { schema, resources, dataSources, ephemeralResources = [] } = provider;
  const { listResources = [], actions = [] } = provider;
  deriveSchema(schema);
  const described = [
    ...resources,
    ...dataSources,
    ...ephemeralResources,
    ...listResources,
    ...actions,
  ];
  for (const item of described) deriveSchema(item.schema);
  for (const { identity } of resources) if (identity) deriveSchema(identity.schema);
  const service = createProviderService(definition);
  const context = { signal: new AbortController().signal };
  await service.getProviderSchema({} as never, context as never);
}
