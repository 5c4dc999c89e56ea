import { formatIpv4, parseRange } from "@lodge/schemas/spec/address.ts";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";
import { hostsOf, networkArgument } from "./network.ts";

/** How many addresses a list may have: those of a /20. */
const LIMIT = 4096;

export const addressList = providerFunction({
  name: "address_list",
  summary: "Every address of a range or a network, one by one.",
  description:
    "Every address of a range such as `10.20.0.10-10.20.0.12`, or every address of a network such as `10.20.0.0/29` that a host can have, one by one and in order: for `for_each`, or to give each VM an address by its number. At most 4096.",
  parameters: [
    {
      name: "range",
      description: "A range, an address or a network.",
      schema: z.string(),
    },
  ],
  returns: z.array(z.string()),
  call: ([text]) => {
    const { first, last } = text.includes("/") ? hostsOf(networkArgument(0, text)) : range(text);
    const count = last - first + 1;
    if (count > LIMIT) {
      throw new ArgumentError(0, `${text} has ${count} addresses, more than ${LIMIT}`);
    }
    return Array.from({ length: count }, (_, index) => formatIpv4(first + index));
  },
});

function range(text: string): { readonly first: number; readonly last: number } {
  const found = parseRange(text);
  if (found !== undefined) return found;
  throw new ArgumentError(
    0,
    `range must be one such as 10.20.0.10-10.20.0.99, an address, or a network such as 10.20.0.0/24, not ${JSON.stringify(text)}`,
  );
}
