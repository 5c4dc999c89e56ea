import { GRPCController } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { bind, type ServiceBinding } from "@lodge/schemas/rpc/service.ts";

/**
 * The service by which go-plugin ends a plugin. Without it every process of every command would cost Terraform two
 * seconds of waiting before it kills.
 */
export function controllerService(stop: () => Promise<void>): ServiceBinding {
  return bind(GRPCController, {
    shutdown: async () => {
      await stop();
      return {};
    },
  });
}
