import { expect, test } from "vitest";
import * as z from "zod";
import { wording } from "./wording.ts";

test.each<[z.ZodType, unknown, string]>([
  [z.int().min(1), 0, "must be at least 1"],
  [z.int().max(255), 300, "must be at most 255"],
  [z.int(), 1.5, "must be a whole number"],
  [z.number().multipleOf(4), 6, "must be a multiple of 4"],
  [z.bigint().min(2n ** 60n), 1n, "must be at least 1152921504606846976"],
  [z.string().min(1), "", "must have at least 1 character"],
  [z.string().max(3), "long", "must have at most 3 characters"],
  [z.array(z.string()).min(2), [], "must have at least 2 elements"],
  [z.set(z.string()).max(1), new Set(["a", "b"]), "must have at most 1 element"],
  [z.enum(["nat", "routed"]), "NAT", 'must be one of "nat", "routed"'],
  // What a schema says itself goes first, and what needs no words of ours keeps zod's.
  [z.int().min(1, { error: "must be somebody" }), 0, "must be somebody"],
  [z.string().regex(/a/u), "b", "Invalid string: must match pattern /a/u"],
])("%#: %j is told", (schema, value, words) => {
  const { error } = schema.safeParse(value, { error: wording });
  expect(error?.issues.map(({ message }) => message)).toEqual([words]);
});
