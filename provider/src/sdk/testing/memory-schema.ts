/** The schema of `memory_item`, and its way into the file and back. */

import { randomUUID } from "node:crypto";
import * as z from "zod";
import type { Values } from "../values.ts";
import type { StoredItem } from "./memory-store.ts";
import { formatSize, parseSize, size } from "./memory-store.ts";

/** Every shape of attribute. */
export const schema = z.object({
  id: z.string().meta({ description: "The id.", computed: "stable" }),
  name: z.string().min(1).max(40).meta({ description: "The name.", update: "replace" }),
  size: size.default(2n ** 30n).meta({ description: "The size; it grows in place." }),
  quota: size.optional().meta({ description: "A second size, without a default." }),
  limits: z.array(size).max(5).optional().meta({ description: "A list of sizes." }),
  count_of_things: z.bigint().optional().meta({ description: "A whole number of any size." }),
  ratio: z.number().optional().meta({ description: "A fraction." }),
  enabled: z.boolean().default(true).meta({ description: "Whether it is on." }),
  mode: z
    .enum(["fast", "safe"])
    .default("safe")
    .meta({ description: "How it works.", update: "restart" }),
  labels: z
    .record(z.string().max(20), z.string())
    .optional()
    .meta({ description: "A map of strings." }),
  steps: z.array(z.string()).optional().meta({ description: "A list of strings." }),
  ports: z.set(z.int().min(1).max(65535)).optional().meta({ description: "A set of numbers." }),
  settings: z
    .object({
      threads: z.int().optional().meta({ description: "How many threads." }),
      level: z.enum(["low", "high"]).default("low").meta({ description: "How much." }),
      engine: z.string().optional().meta({ description: "What drives it.", update: "replace" }),
      token: z.string().meta({ description: "Given by the backend.", computed: "stable" }),
    })
    .optional()
    .meta({ description: "A nested object." }),
  disks: z
    .record(
      z.string().regex(/^[a-z]+$/u, { error: "must be lower-case letters" }),
      z.object({
        size: size.meta({ description: "The disk's size." }),
        image: z
          .string()
          .optional()
          .meta({ description: "What it is made from.", update: "replace" }),
        serial: z.string().meta({ description: "Given by the backend.", computed: "stable" }),
      }),
    )
    .default({})
    .meta({ description: "A map of objects." }),
  rules: z
    .array(
      z.object({
        port: z.int().meta({ description: "The port." }),
        protocol: z.enum(["tcp", "udp"]).default("tcp").meta({ description: "The protocol." }),
        hits: z.int().meta({ description: "Counted by the backend.", computed: "volatile" }),
      }),
    )
    .optional()
    .meta({ description: "A list of objects." }),
  partners: z
    .set(
      z.object({
        name: z.string().meta({ description: "The partner's name." }),
        weight: z.int().default(1).meta({ description: "The partner's weight." }),
      }),
    )
    .optional()
    .meta({ description: "A set of objects." }),
  secret: z.string().min(3).optional().meta({ description: "Not shown.", sensitive: true }),
  password_wo: z.string().optional().meta({ description: "Never stored.", writeOnly: true }),
  password_wo_version: z
    .int()
    .optional()
    .meta({ description: "Raise it to set the password again." }),
  zone: z.string().optional().meta({
    description: "Where it is; chosen where nothing is said.",
    computed: "stable",
    update: "replace",
  }),
  address: z
    .string()
    .optional()
    .meta({ description: "Its address; drawn where nothing is said.", computed: "volatile" }),
  revision: z.int().meta({ description: "Counts updates.", computed: "volatile" }),
  note: z
    .string()
    .nullable()
    .meta({ description: "A computed value that may be null.", computed: "stable" }),
  size_bytes: z
    .bigint()
    .meta({ description: "The size in bytes, known at plan.", computed: "volatile" }),
  disk_status: z
    .array(z.object({ name: z.string(), size_bytes: z.bigint(), image: z.string().nullable() }))
    .meta({ description: "The disks as they are.", computed: "volatile" }),
  protection: z.boolean().default(false).meta({ description: "Refuses to be destroyed." }),
  trouble: z
    .enum(["create", "partial", "update", "delete", "wait"])
    .optional()
    .meta({ description: "Which operation shall fail, or wait until it is stopped." }),
});

export type Item = Values<typeof schema>;

/** The kept members as JSON says them. */
export function restOf(plan: Item): Record<string, unknown> {
  const { quota, limits, count_of_things, ratio, enabled, mode, labels, steps, ports, secret } =
    plan;
  const { settings, disks, rules, partners, protection, trouble } = plan;
  return {
    quota,
    limits,
    ratio,
    enabled,
    mode,
    labels,
    steps,
    secret,
    disks,
    rules,
    protection,
    trouble,
    count_of_things: count_of_things === null ? null : String(count_of_things),
    ports: ports === null ? null : [...ports],
    partners: partners === null ? null : [...partners],
    settings: settings === null ? null : { ...settings, token: settings.token ?? randomUUID() },
  };
}

/** As the backend would say it: sizes in their shortest spelling, everything computed filled in. */
export function stateOf(item: StoredItem): Omit<Item, "password_wo"> {
  const rest = item.rest as unknown as Omit<Item, "ports" | "partners" | "count_of_things"> & {
    readonly ports: number[] | null;
    readonly partners: { name: string; weight: number }[] | null;
    readonly count_of_things: string | null;
  };
  const respell = (text: string): string => formatSize(parseSize(text)!);
  const disks = Object.entries(rest.disks).map(([name, disk]) => {
    const serial = disk.serial ?? `${item.id}-${name}`;
    return [name, { ...disk, size: respell(disk.size), serial }] as const;
  });
  return {
    ...rest,
    id: item.id,
    name: item.name,
    size: formatSize(BigInt(item.size)),
    quota: rest.quota === null ? null : respell(rest.quota),
    limits: rest.limits === null ? null : rest.limits.map(respell),
    count_of_things: rest.count_of_things === null ? null : BigInt(rest.count_of_things),
    ports: rest.ports === null ? null : new Set(rest.ports),
    partners: rest.partners === null ? null : new Set(rest.partners.toReversed()),
    disks: Object.fromEntries(disks),
    rules:
      rest.rules === null
        ? null
        : rest.rules.map((rule, index) => ({ ...rule, hits: item.revision * 10 + index })),
    password_wo_version: item.passwordVersion,
    zone: item.zone,
    address: item.address,
    revision: item.revision,
    note: null,
    size_bytes: BigInt(item.size),
    disk_status: disks.map(([name, disk]) => ({
      name,
      size_bytes: parseSize(disk.size)!,
      image: disk.image ?? null,
    })),
  };
}
