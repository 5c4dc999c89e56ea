import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "@lodge/schemas/gen/grpc/health/v1/health_pb.ts";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { bind, type ServiceBinding } from "@lodge/schemas/rpc/service.ts";

/** The name by which go-plugin asks; the empty one means the server as a whole. */
const names = new Set(["", "plugin"]);

/** The standard health service, for people who debug: Terraform never calls it. */
export function healthService(): ServiceBinding {
  return bind(Health, {
    check: async ({ service }) => {
      if (names.has(service)) return { status: Status.SERVING };
      throw new LodgeError(`There is no service ${service}.`, { code: "NOT_FOUND", reason: "" });
    },
    async *watch({ service }, { signal }) {
      yield { status: names.has(service) ? Status.SERVING : Status.SERVICE_UNKNOWN };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  });
}
