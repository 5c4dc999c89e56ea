import { macOf, parseIpv4 } from "@lodge/schemas/spec/address.ts";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";

export const macAddress = providerFunction({
  name: "mac_address",
  summary: "The MAC address that an interface gets for its IPv4 address.",
  description:
    'The MAC address that a VM\'s interface gets from its IPv4 address where the configuration names none: `mac_address("10.20.0.10")` is `52:54:0a:14:00:0a`. It is known before the VM exists, for a static lease elsewhere or a file that the guest reads. An interface keeps the MAC address that it was made with when its address changes later.',
  parameters: [
    {
      name: "ipv4_address",
      description: "The address, such as `10.20.0.10`.",
      schema: z.string(),
    },
  ],
  returns: z.string(),
  call: ([address]) => {
    if (parseIpv4(address) !== undefined) return macOf(address);
    throw new ArgumentError(
      0,
      `ipv4_address must be an IPv4 address such as 10.20.0.10, not ${JSON.stringify(address)}`,
    );
  },
});
