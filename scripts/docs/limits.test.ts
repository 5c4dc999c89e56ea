import { describe, expect, it } from "vitest";
import * as z from "zod";
import { duration } from "@lodge/schemas/spec/duration.ts";
import { deviceName } from "@lodge/schemas/spec/field.ts";
import { size } from "@lodge/schemas/spec/size.ts";
import { deriveSchema } from "../../provider/src/sdk/schema/derive.ts";
import { limitsOf } from "./limits.ts";

const limits = (schema: z.ZodType, description = ""): string => {
  const { node } = deriveSchema(z.object({ it: schema })).attributes.get("it")!;
  return limitsOf(node, description).join(" ");
};
const name = z.string().regex(/^[a-z]+$/u, { error: "must be lower-case letters" });
const GiB = 2 ** 30;

describe("limits in words", () => {
  it.each([
    ["a number's bounds", z.int().min(1).max(255), "1 to 255."],
    ["one bound", z.int().min(3), "At least 3."],
    ["a text's length", z.string().min(1).max(64), "1 to 64 characters."],
    ["what a refusal says", name, "Must be lower-case letters."],
    ["an optional one's", name.optional(), "Must be lower-case letters."],
    ["a list's", z.array(name).min(1).max(4), "1 to 4 elements. Each must be lower-case letters."],
    ["a set's", z.set(z.string()).min(1).max(1), "Exactly 1 element."],
    [
      "a map's keys",
      z.record(name, z.string().max(9)),
      "Keys must be lower-case letters. Each: at most 9 characters.",
    ],
    ["a codec's", duration({ min: 1000, max: 60_000 }), "Must be between 1s and 1m."],
    ["none", z.boolean(), ""],
  ])("%s", (_, schema, words) => expect(limits(schema)).toBe(words));

  it("have units", () => {
    const schema = size({ min: GiB, max: 4 * GiB, step: GiB });
    expect(limits(schema)).toBe("Must be between 1GiB and 4GiB, in steps of 1GiB.");
  });

  it("are those that refusals give", () => {
    const refused = deviceName.safeParse("Not A Name").error!.issues[0]!.message;
    expect(limits(deviceName).toLowerCase()).toBe(`${refused}.`.toLowerCase());
  });

  it("leave out words that the description has", () => {
    const schema = z.enum(["defer", "restart"]);
    expect(limits(schema)).toBe("One of `defer` or `restart`.");
    expect(limits(schema, "`defer` waits, `restart` does not.")).toBe("");
  });
});
