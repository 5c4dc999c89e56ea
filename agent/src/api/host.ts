import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { bind, type ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import { apiVersion, version } from "@lodge/schemas/version.ts";
import type { Core } from "../core/agent.ts";
import { committedMemory } from "../core/host.ts";
import type { Log } from "../lib/log.ts";
import { principalKey } from "./principal.ts";

/** Whether the host can do a thing, and why not. */
export interface Capability {
  readonly name: string;
  readonly available: boolean;
  readonly reason: string;
}

/** What the host is and can do. `further` are capabilities beside the hypervisor's. */
export function hostService(
  core: Core,
  log: Log,
  further: readonly Capability[] = [],
): ServiceBinding {
  const { capabilities, host, images, store } = core;
  return bind(HostService, {
    get: async ({ clientVersion }, context) => {
      const { name } = context.get(principalKey);
      log.debug(
        { principal: name, clientVersion, peer: context.peer.address },
        "a client says hello",
      );
      return {
        name: host.name,
        version,
        apiVersion,
        accelerator: capabilities.accelerator,
        acceleratorReason: capabilities.acceleratorReason,
        qemuVersion: capabilities.qemuVersion,
        machineType: capabilities.machineType,
        cpus: host.cpus,
        memoryBytes: BigInt(host.memoryBytes),
        memoryCommittedBytes: BigInt(await committedMemory(store)),
        capabilities: [
          {
            name: "kvm",
            available: capabilities.accelerator === "kvm",
            reason: capabilities.acceleratorReason,
          },
          { name: "uefi", ...capabilities.uefi },
          ...further,
        ],
        imageRoots: [...images.roots],
      };
    },
  });
}
