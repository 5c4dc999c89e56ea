import * as z from "zod";
import { cidrsOverlap, isHostAddress, parseCidr, parseIpv4 } from "./address.ts";
import { deviceName, ipv4Address, ipv4Cidr, objectName, progressStatus } from "./field.ts";
import type { Rule } from "./rule.ts";

const SubnetSpec = z.object({
  cidr: ipv4Cidr.meta({
    description:
      "The subnet's addresses in CIDR notation. It may not overlap a subnet of another network of the host.",
    update: "replace",
  }),
  gateway: ipv4Address.optional().meta({
    description:
      "The router's address inside the subnet, held by the host. Default: the first host address.",
    update: "replace",
  }),
  dns_servers: z.array(ipv4Address).max(4).default([]).meta({
    description:
      "DNS servers that DHCP tells the guests. Default: the one that the host has for them, if it has one.",
    update: "live",
  }),
});

/** What is wanted of a network. */
export const NetworkSpec = z.object({
  name: objectName.meta({ description: "The network's name, unique on its host.", update: "live" }),
  mode: z.enum(["nat"]).default("nat").meta({
    description:
      "How guests reach the outside: `nat` lets them out under the host's address and nothing in.",
    update: "replace",
  }),
  subnets: z
    .record(deviceName, SubnetSpec)
    .refine((subnets) => Object.keys(subnets).length > 0, {
      error: "a network needs at least one subnet",
    })
    .meta({ description: "The network's subnets by name.", update: "live" }),
});
export type NetworkSpec = z.output<typeof NetworkSpec>;

/** What a network is. */
export const NetworkStatus = z.object({
  ...progressStatus,
  bridge: z
    .string()
    .meta({ description: "The name of the bridge on the host.", computed: "stable" }),
});
export type NetworkStatus = z.output<typeof NetworkStatus>;

/** Rules across a network's fields. */
export const networkRules: readonly Rule<NetworkSpec>[] = [
  {
    paths: ["subnets.*.gateway", "subnets.*.cidr"],
    test: ({ subnets }, [key]) => {
      const { gateway, cidr } = subnets[key!]!;
      if (gateway === undefined) return undefined;
      const [network, address] = [parseCidr(cidr), parseIpv4(gateway)];
      if (!network || address === undefined || isHostAddress(network, address)) return undefined;
      return `${gateway} is no host address of ${cidr}`;
    },
  },
  {
    paths: ["subnets.*.cidr"],
    test: ({ subnets }, [key]) => {
      const own = parseCidr(subnets[key!]!.cidr);
      const other = Object.keys(subnets).find((name) => {
        // At plan another subnet's addresses may not be known yet.
        const cidr = parseCidr(subnets[name]!.cidr ?? "");
        return name < key! && own && cidr && cidrsOverlap(own, cidr);
      });
      return other === undefined ? undefined : `overlaps subnet ${other} (${subnets[other]!.cidr})`;
    },
  },
];
