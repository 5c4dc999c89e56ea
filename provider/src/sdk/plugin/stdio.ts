import { GRPCStdio } from "@lodge/schemas/gen/plugin/plugin_pb.ts";
import { bind, type ServiceBinding } from "@lodge/schemas/rpc/service.ts";

/**
 * The service by which go-plugin would read our output. Nothing is ever sent, but the stream stays open for life: its
 * end is the only sign that Terraform has died.
 */
export function stdioService(onClientGone: () => void): ServiceBinding {
  return bind(GRPCStdio, {
    // eslint-disable-next-line require-yield
    async *streamStdio(_, { signal }) {
      await new Promise<void>((resolve) => {
        if (signal.aborted) resolve();
        else signal.addEventListener("abort", () => resolve(), { once: true });
      });
      onClientGone();
    },
  });
}
