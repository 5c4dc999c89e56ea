import { NetworkSpec, NetworkStatus, networkRules } from "@lodge/schemas/spec/network.ts";
import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { resource } from "../sdk/resource.ts";
import { hostsAttribute, idAttribute, timeoutsAttribute } from "./common.ts";
import { kindResource, type KindDefinition } from "./kind-resource.ts";
import { onHosts } from "./placement.ts";

const schema = z.object({
  id: idAttribute,
  ...hostsAttribute,
  ...NetworkSpec.shape,
  bridge: NetworkStatus.shape.bridge,
  ...timeoutsAttribute,
});

export const networkKind: KindDefinition<"network", typeof schema> = {
  kind: "network",
  schema,
  placement: onHosts,
};

export const network = resource<Hosts>()({
  type: "lodge_network",
  version: 0,
  description:
    "A network of guests on a host: a bridge, DHCP for the addresses of its pools, and address translation to the outside.",
  schema,
  rules: networkRules,
  ...kindResource(networkKind),
});
