import fc from "fast-check";
import * as z from "zod";
import { describe, expect, test } from "vitest";
import { deriveSchema } from "../schema/derive.ts";
import type { Path } from "../value/path.ts";
import { attributePath, pathFromMessage } from "./attribute-path.ts";

const node = deriveSchema(
  z.object({
    name: z.string(),
    ports: z.array(z.int()),
    labels: z.record(z.string(), z.string()),
    disks: z.record(z.string(), z.object({ size: z.string(), tags: z.array(z.string()) })),
    rules: z.array(z.object({ from: z.object({ port: z.int() }) })),
    partners: z.set(z.object({ name: z.string() })),
  }),
);

const there = (path: Path) => pathFromMessage(attributePath(node, path) as never);

describe("a path as Terraform addresses it", () => {
  test.each<[Path, Path]>([
    [["name"], ["name"]],
    [
      ["ports", 1],
      ["ports", 1],
    ],
    [
      ["disks", "root", "tags", 0],
      ["disks", "root", "tags", 0],
    ],
    [
      ["rules", 2, "from", "port"],
      ["rules", 2, "from", "port"],
    ],
    [
      ["labels", 7],
      ["labels", "7"],
    ],
    // Elements of sets have no address.
    [["partners", 0, "name"], ["partners"]],
    // What leads nowhere is cut off where it does.
    [["nothing", "x"], []],
    [["ports", "first"], ["ports"]],
    [["name", "length"], ["name"]],
    [
      ["disks", "root", "__proto__"],
      ["disks", "root"],
    ],
    [[], []],
  ])("%j is %j", (path, expected) => {
    expect(there(path)).toEqual(expected);
  });

  test("of any steps is a beginning of them, and is the same when it goes there and back", () => {
    const names = fc.constantFrom("name", "ports", "disks", "rules", "from", "port", "__proto__");
    const step = fc.oneof(names, fc.string({ maxLength: 3 }), fc.nat(3), fc.integer());
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), (path) => {
        const found = there(path);
        expect(found.map(String)).toEqual(path.slice(0, found.length).map(String));
        expect(there(found)).toEqual(found);
      }),
    );
  });
});

test("a message with anything in it is read, and steps of a later protocol are passed over", () => {
  const selector = fc.oneof(
    fc.constant({ case: undefined }),
    fc.record({ case: fc.constant("attributeName"), value: fc.string() }),
    fc.record({ case: fc.constant("elementKeyString"), value: fc.string() }),
    fc.record({
      case: fc.constant("elementKeyInt"),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
  );
  fc.assert(
    fc.property(fc.array(selector, { maxLength: 8 }), (steps) => {
      const message = { steps: steps.map((one) => ({ selector: one })) };
      const path = pathFromMessage(message as never);
      expect(path).toHaveLength(steps.filter((one) => one.case !== undefined).length);
      expect(path.every((one) => typeof one === "string" || typeof one === "number")).toBe(true);
    }),
  );
});
