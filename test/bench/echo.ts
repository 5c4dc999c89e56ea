/**
 * The floor of a plan: a provider that hands back what it is given, with the schemas, the connection and the start of
 * the real one. What a plan costs with it is Terraform's, Node's and gRPC's own.
 */
import { startupSnapshot } from "node:v8";
import { fromBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { providerSchema } from "../../provider/src/gen/provider-schema.ts";
import { serve } from "../../provider/src/sdk/plugin/serve.ts";
// Loaded here, it is part of the snapshot.
import "../../provider/src/sdk/plugin/session.ts";
import type { LoadedProvider } from "../../provider/src/sdk/plugin/session.ts";

const echo: LoadedProvider = {
  getProviderSchema: async () => fromBinary(GetProviderSchema_ResponseSchema, providerSchema),
  validateProviderConfig: async () => ({}),
  validateResourceConfig: async () => ({}),
  configureProvider: async () => ({}),
  upgradeResourceState: async ({ rawState }) => ({ upgradedState: { json: rawState!.json } }),
  readResource: async ({ currentState, private: kept, currentIdentity }) => ({
    newState: currentState,
    private: kept,
    newIdentity: currentIdentity,
  }),
  planResourceChange: async ({ priorState, priorPrivate, priorIdentity }) => ({
    plannedState: priorState,
    plannedPrivate: priorPrivate,
    plannedIdentity: priorIdentity,
  }),
};

const start = () =>
  void serve({ address: "registry.terraform.io/lodge/lodge", load: async () => echo });

// Node itself loads it to listen.
process.getBuiltinModule("node:cluster");
if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(start);
else start();
