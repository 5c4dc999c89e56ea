import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { bind } from "@lodge/schemas/rpc/service.ts";
import type { ServerOptions } from "@lodge/schemas/rpc/server.ts";
import type { Layout } from "../../lib/layout.ts";
import type { Log } from "../../lib/log.ts";

export interface ComposeOptions {
  readonly name: string;
  readonly layout: Layout;
  readonly imageRoots: readonly string[];
  readonly log: Log;
}

export async function compose(
  o: ComposeOptions,
): Promise<AsyncDisposable & { server: ServerOptions }> {
  return {
    server: {
      services: [
        bind(HostService, { get: async () => ({ name: o.name, imageRoots: [...o.imageRoots] }) }),
      ],
    },
    async [Symbol.asyncDispose]() {},
  };
}
