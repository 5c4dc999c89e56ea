import * as z from "zod";
import { describe, expect, test } from "vitest";
import { deriveSchema } from "./derive.ts";
import { readOnly, readOnlyValue } from "./read-only.ts";

const source = z.object({
  name: z.string().min(3).meta({ description: "A name.", update: "replace" }),
  mode: z.enum(["a", "b"]).default("a").meta({ description: "A mode." }),
  token: z.string().optional().meta({ description: "A token.", sensitive: true }),
  password_wo: z.string().optional().meta({ description: "Never read.", writeOnly: true }),
  labels: z.record(z.string(), z.string()).default({}).meta({ description: "Labels." }),
  disks: z
    .record(z.string(), z.object({ size: z.string().optional(), tags: z.set(z.string()) }))
    .default({})
    .meta({ description: "Disks." }),
  parts: z
    .array(z.object({ count: z.int().default(1).meta({ description: "How many." }) }))
    .meta({ description: "Parts." }),
});

describe("a schema that is only read", () => {
  const node = deriveSchema(z.object(readOnly(source.shape)));

  test("has nothing to configure, and nothing that cannot be read", () => {
    expect([...node.attributes.keys()]).toEqual([
      "disks",
      "labels",
      "mode",
      "name",
      "parts",
      "token",
    ]);
    for (const { required, optional, computed } of node.attributes.values())
      expect({ required, optional, computed }).toEqual({
        required: false,
        optional: false,
        computed: true,
      });
  });

  test("says what the attributes are, and hides what is secret", () => {
    expect(node.attributes.get("mode")).toMatchObject({ description: "A mode.", sensitive: false });
    expect(node.attributes.get("token")).toMatchObject({
      description: "A token.",
      sensitive: true,
    });
  });

  test("has lists for maps of objects, and maps of plain values as they are", () => {
    const disks = node.attributes.get("disks")!.node;
    expect(disks.kind).toBe("list");
    const { element } = disks as { element: typeof node };
    expect([...element.attributes.keys()]).toEqual(["name", "size", "tags"]);
    expect(node.attributes.get("labels")!.node.kind).toBe("map");
  });
});

test("values follow: maps of objects are lists by name, absent members null", () => {
  const value = {
    name: "web",
    mode: "b",
    token: null,
    password_wo: "secret",
    labels: { z: "1", a: "2" },
    disks: { root: { size: "1GiB", tags: new Set(["x"]) }, data: { tags: new Set() } },
    parts: [{ count: 2 }],
  };
  expect(readOnlyValue(source, value)).toEqual({
    name: "web",
    mode: "b",
    token: null,
    labels: { z: "1", a: "2" },
    disks: [
      { name: "data", size: null, tags: new Set() },
      { name: "root", size: "1GiB", tags: new Set(["x"]) },
    ],
    parts: [{ count: 2 }],
  });
});
