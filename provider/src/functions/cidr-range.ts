import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";
import { hostsOf, networkArgument, rangeText } from "./network.ts";

export const cidrRange = providerFunction({
  name: "cidr_range",
  summary: "A range of addresses of an IPv4 network, by their numbers.",
  description:
    'A range of addresses for `ranges` of a `lodge_address_pool`, by the numbers of its first and last address inside the network, as Terraform\'s `cidrhost` counts them: `cidr_range("10.20.0.0/24", 10, 99)` is `10.20.0.10-10.20.0.99`. Negative numbers count from the end: `cidr_range("10.20.0.0/24", 100, -2)` is `10.20.0.100-10.20.0.254`.',
  parameters: [
    { name: "cidr", description: "The network, such as `10.20.0.0/24`.", schema: z.string() },
    {
      name: "first",
      description:
        "The number of the first address: 1 is the first that a host can have, -2 the last.",
      schema: z.number(),
    },
    {
      name: "last",
      description: "The number of the last address, counted the same way.",
      schema: z.number(),
    },
  ],
  returns: z.string(),
  call: ([text, from, to]) => {
    const hosts = hostsOf(networkArgument(0, text));
    const addressOf = (argument: 1 | 2, number: number): number => {
      // One after the last host is the broadcast address, whose number is -1.
      const address = number < 0 ? hosts.last + 2 + number : hosts.first - 1 + number;
      if (Number.isInteger(number) && address >= hosts.first && address <= hosts.last)
        return address;
      throw new ArgumentError(
        argument,
        `${argument === 1 ? "first" : "last"} must be a whole number from 1 to ${hosts.count}, or from -2 to ${-hosts.count - 1}, not ${number}`,
      );
    };
    const [first, last] = [addressOf(1, from), addressOf(2, to)];
    if (first <= last) return rangeText(first, last);
    throw new ArgumentError(2, "last must not be an address before first");
  },
});
