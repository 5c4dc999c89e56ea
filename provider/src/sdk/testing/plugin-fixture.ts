/** The smallest provider, as an executable: for the tests of everything around one. Its argument makes it misbehave. */
import { startupSnapshot } from "node:v8";
import { create } from "@bufbuild/protobuf";
import { serve } from "../plugin/serve.ts";

if (startupSnapshot.isBuildingSnapshot()) startupSnapshot.setDeserializeMainFunction(main);
else main();

function main(): void {
  const behaviour = process.argv[2] ?? "";

  if (behaviour === "noise") {
    console.log("console.log before the handshake");
    process.nextTick(() => process.stdout.write("process.stdout before the handshake\n"));
  }

  void serve({
    address: "registry.terraform.io/lodge/fixture",
    ...(behaviour.startsWith("lonely=") && { lonelyMs: Number(behaviour.slice(7)) }),
    load: async () => {
      if (behaviour === "noise") console.log("console.log in load");
      if (behaviour === "crash-in-load") throw new TypeError("the provider cannot be loaded");
      const { GetProviderSchema_ResponseSchema } =
        await import("@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts");
      const handlers: Record<string, unknown> = {
        getProviderSchema: async () =>
          create(GetProviderSchema_ResponseSchema, {
            provider: { version: 0n, block: {} },
            resourceSchemas: { fixture_thing: { block: {} } },
          }),
        // Answers with what the tests want to know of the process.
        stopProvider: async () => ({
          Error: JSON.stringify({ pid: process.pid, execArgv: process.execArgv }),
        }),
        configureProvider: async () => {
          setTimeout(() => {
            throw new RangeError("a bug in the\nprovider");
          }, 1);
          return new Promise(() => {});
        },
        validateProviderConfig: async () => {
          void Promise.reject(new Error("nobody awaits this"));
          return new Promise(() => {});
        },
        validateResourceConfig: async () => ({}),
        applyResourceChange: () => new Promise(() => {}),
        // The size of what came, so that large messages can be tested.
        readResource: async (request: { currentState?: { msgpack: Uint8Array } }) => ({
          newState: { msgpack: request.currentState?.msgpack ?? new Uint8Array() },
        }),
      };
      return handlers;
    },
  });
}
