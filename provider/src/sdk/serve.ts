/** From the definition of a provider to its process. Importing this loads nothing that Terraform would have to wait for. */
import { startupSnapshot } from "node:v8";
import { serve } from "./plugin/serve.ts";
import type { ProviderDefinition } from "./provider.ts";

/**
 * Serves `definition` under `address`, its place in a registry (`registry.terraform.io/lodge/lodge`), and loads it at
 * the first call that needs it. Ends the process when its time has come. While Node builds a start-up snapshot it loads
 * everything instead, and serves in each process that starts from it.
 */
export async function serveProvider(
  address: string,
  definition: ProviderDefinition,
): Promise<void> {
  if (!startupSnapshot.isBuildingSnapshot()) return start(address, definition);
  const { preload } = await import("./preload.ts");
  await preload(definition);
  startupSnapshot.setDeserializeMainFunction(() => {
    void start(address, definition);
  });
}

function start(address: string, definition: ProviderDefinition): Promise<void> {
  return serve({
    address,
    async load(log) {
      const { createProviderService } = await import("./server/service.ts");
      return createProviderService(definition, {
        onError: (error, { verb, type }) =>
          log.error(`Unable to ${verb} ${type}`, {
            error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
      });
    },
  });
}
