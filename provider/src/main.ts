import { serveProvider } from "./sdk/serve.ts";

void serveProvider("registry.terraform.io/lodge/lodge", {
  name: "lodge",
  schemaAsset: async () => (await import("./gen/provider-schema.ts")).providerSchema,
  identityAsset: async () => (await import("./gen/provider-schema.ts")).identitySchemas,
  load: async () => (await import("./provider.ts")).provider,
});
