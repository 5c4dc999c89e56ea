import * as z from "zod";
import { parseRange } from "./address.ts";
import { duration } from "./duration.ts";
import { deviceName, ipv4Range, objectId, objectName, progressStatus } from "./field.ts";
import type { Rule } from "./rule.ts";

/** What is wanted of an address pool. */
export const AddressPoolSpec = z.object({
  name: objectName.meta({ description: "The pool's name, unique on its host.", update: "live" }),
  network_id: objectId.meta({
    description: "The network whose addresses it hands out.",
    update: "replace",
  }),
  subnet: deviceName.meta({
    description: "The subnet of that network, by name.",
    update: "replace",
  }),
  ranges: z.array(ipv4Range).min(1).max(64).meta({
    description:
      "The addresses it hands out, lowest first: `10.20.0.10-10.20.0.99` or a single address each. An address in use cannot be taken out.",
    update: "live",
  }),
  cooldown: duration({ min: 0, max: 24 * 3_600_000 })
    .default(60_000)
    .meta({
      description: "How long a freed address rests before it is handed out again.",
      update: "live",
    }),
});
export type AddressPoolSpec = z.output<typeof AddressPoolSpec>;

/** What an address pool is. */
export const AddressPoolStatus = z.object({
  ...progressStatus,
  size: z.int().meta({ description: "How many addresses the pool has.", computed: "volatile" }),
  used: z.int().meta({ description: "How many of them are in use.", computed: "volatile" }),
  cooling: z.int().meta({
    description: "How many were given back and rest before they are handed out again.",
    computed: "volatile",
  }),
});
export type AddressPoolStatus = z.output<typeof AddressPoolStatus>;

/** Rules across a pool's fields. */
export const addressPoolRules: readonly Rule<AddressPoolSpec>[] = [
  {
    paths: ["ranges"],
    test: ({ ranges }) => {
      const sorted = ranges
        .map((text) => ({ text, range: parseRange(text)! }))
        .filter(({ range }) => range !== undefined)
        .sort((a, b) => a.range.first - b.range.first);
      const clash = sorted.findIndex(
        ({ range }, index) => index > 0 && range.first <= sorted[index - 1]!.range.last,
      );
      return clash < 0 ? undefined : `${sorted[clash]!.text} overlaps ${sorted[clash - 1]!.text}`;
    },
  },
];
