/** From the definition of a provider to its process. Importing this loads nothing that Terraform would have to wait for. */
import { serve } from "./plugin/serve.ts";
import type { ProviderDefinition } from "./provider.ts";

/**
 * Serves `definition` under `address`, its place in a registry (`registry.terraform.io/lodge/lodge`), and begins to load
 * it once Terraform knows where to connect. Ends the process when its time has come.
 */
export function serveProvider(address: string, definition: ProviderDefinition): Promise<void> {
  let loading: ReturnType<ProviderDefinition["load"]> | undefined;
  const load = () => (loading ??= definition.load());
  return serve({
    address,
    async load(log) {
      const { createProviderService } = await import("./server/service.ts");
      // Not waited for: the schema is a file, and answered without it.
      load().catch(() => {});
      return createProviderService(
        { ...definition, load },
        {
          onError: (error, { verb, type }) =>
            log.error(`Unable to ${verb} ${type}`, {
              error: error instanceof Error ? (error.stack ?? error.message) : String(error),
            }),
        },
      );
    },
  });
}
