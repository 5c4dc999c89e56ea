import { GRPCBroker } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { bind, type ServiceBinding } from "@lodge/schemas/rpc/service.ts";

/** The service by which go-plugin would open further connections. A provider needs none: it listens and says nothing. */
export function brokerService(): ServiceBinding {
  return bind(GRPCBroker, {
    // eslint-disable-next-line require-yield
    async *startStream(requests) {
      for await (const _ of requests) continue;
    },
  });
}
