import { defaultGateway, formatIpv4 } from "@lodge/schemas/spec/address.ts";
import * as z from "zod";
import { providerFunction } from "../sdk/function.ts";
import { hostsOf, networkArgument, rangeText } from "./network.ts";

export const cidrHosts = providerFunction({
  name: "cidr_hosts",
  summary: "The addresses of an IPv4 network that hosts can have.",
  description:
    'The first and the last address of an IPv4 network that a host can have, how many there are, the `gateway` that a subnet of a `lodge_network` has where it names none, and the `range` of all the others for `ranges` of a `lodge_address_pool`. `cidr_hosts("10.20.0.0/24")` is `{ first = "10.20.0.1", last = "10.20.0.254", count = 254, gateway = "10.20.0.1", range = "10.20.0.2-10.20.0.254" }`.',
  parameters: [
    { name: "cidr", description: "The network, such as `10.20.0.0/24`.", schema: z.string() },
  ],
  returns: z.object({
    first: z.string(),
    last: z.string(),
    count: z.number(),
    gateway: z.string(),
    range: z.string(),
  }),
  call: ([text]) => {
    const cidr = networkArgument(0, text);
    const { first, last, count } = hostsOf(cidr);
    return {
      first: formatIpv4(first),
      last: formatIpv4(last),
      count,
      gateway: defaultGateway(cidr),
      range: rangeText(first + 1, last),
    };
  },
});
