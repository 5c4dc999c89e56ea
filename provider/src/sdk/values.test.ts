import { expectTypeOf, test } from "vitest";
import * as z from "zod";
import { resource } from "./resource.ts";
import type { Unknown } from "./value/unknown.ts";
import type { ConfigValues, PartialValues, PlannedValues, Values } from "./values.ts";

const size = z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String });
const schema = z.object({
  id: z.string().meta({ computed: "stable" }),
  size: size.default(1n),
  note: z.string().optional(),
  tags: z.set(z.string()).optional(),
  disks: z
    .record(z.string(), z.object({ size, image: z.string().optional(), level: z.int().default(1) }))
    .default({}),
  rules: z.array(z.object({ port: z.int().optional() })),
});

test("a plan or state has every attribute; null stands for what is absent and has no default", () => {
  expectTypeOf<Values<typeof schema>>().toEqualTypeOf<{
    id: string;
    size: string;
    note: string | null;
    tags: Set<string> | null;
    disks: { [name: string]: { size: string; image: string | null; level: number } };
    rules: { port: number | null }[];
  }>();
});

test("in a configuration a default may be absent", () => {
  expectTypeOf<ConfigValues<typeof schema>["size"]>().toEqualTypeOf<string | null>();
  expectTypeOf<ConfigValues<typeof schema>["id"]>().toEqualTypeOf<string>();
});

test("in a plan any part may be unknown", () => {
  expectTypeOf<PlannedValues<typeof schema>["size"]>().toEqualTypeOf<string | null | Unknown>();
  expectTypeOf<PlannedValues<typeof schema>["rules"]>().toEqualTypeOf<
    Unknown | (Unknown | { port: number | null | Unknown })[]
  >();
});

test("a result may leave attributes out", () => {
  expectTypeOf<{ note: null }>().toExtend<PartialValues<typeof schema>>();
  expectTypeOf<{ note: number }>().not.toExtend<PartialValues<typeof schema>>();
});

test("handlers are typed by schema and client", () => {
  const definition = resource<{ get(id: string): number }>()({
    type: "t",
    version: 0,
    description: "",
    schema,
    create({ plan, client }) {
      expectTypeOf(plan.disks).toEqualTypeOf<Values<typeof schema>["disks"]>();
      expectTypeOf(client.get).returns.toEqualTypeOf<number>();
      return Promise.resolve({ state: { id: "i" } });
    },
    read: () => Promise.resolve({ state: {} }),
    delete: () => Promise.resolve(),
  });
  expectTypeOf(definition.schema).toEqualTypeOf<typeof schema>();
});
