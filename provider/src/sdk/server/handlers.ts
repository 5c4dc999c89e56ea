/** Every handler that needs the provider itself, and with it zod. Loaded at the first such call. */

export { applyResourceChange } from "./apply-resource-change.ts";
export { callFunction } from "./call-function.ts";
export { closeEphemeralResource } from "./close-ephemeral-resource.ts";
export { configureProvider } from "./configure-provider.ts";
export { generateResourceConfig } from "./generate-resource-config.ts";
export { importResourceState } from "./import-resource-state.ts";
export { invokeAction } from "./invoke-action.ts";
export { listResource } from "./list-resource.ts";
export { moveResourceState } from "./move-resource-state.ts";
export { openEphemeralResource } from "./open-ephemeral-resource.ts";
export { planAction } from "./plan-action.ts";
export { planResourceChange } from "./plan-resource-change.ts";
export { readDataSource } from "./read-data-source.ts";
export { readResource } from "./read-resource.ts";
export { renewEphemeralResource } from "./renew-ephemeral-resource.ts";
export { upgradeResourceIdentity } from "./upgrade-resource-identity.ts";
export { upgradeResourceState } from "./upgrade-resource-state.ts";
export { validateActionConfig } from "./validate-action-config.ts";
export { validateDataResourceConfig } from "./validate-data-resource-config.ts";
export { validateEphemeralResourceConfig } from "./validate-ephemeral-resource-config.ts";
export { validateListResourceConfig } from "./validate-list-resource-config.ts";
export { validateProviderConfig } from "./validate-provider-config.ts";
export { validateResourceConfig } from "./validate-resource-config.ts";
