/** A resource with every shape of attribute that the SDK knows: an example for authors, and a test bed. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { action } from "../action.ts";
import { listResource } from "../list-resource.ts";
import type { ApplyResult, CreateContext } from "../resource.ts";
import { gone, resource } from "../resource.ts";
import { isKnown, unknown } from "../value/unknown.ts";
import type { Values } from "../values.ts";
import type { MemoryStore, StoredItem } from "./memory-store.ts";
import { formatSize, parseSize, size } from "./memory-store.ts";

const schema = z.object({
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

type Item = Values<typeof schema>;

/** The kept members as JSON says them. */
function restOf(plan: Item): Record<string, unknown> {
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
function stateOf(item: StoredItem): Omit<Item, "password_wo"> {
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

type Context = CreateContext<typeof schema, MemoryStore>;

function write({ plan, config, client }: Context, id: string): Promise<StoredItem> {
  return client.change(id, (before) => ({
    id,
    name: plan.name,
    size: String(parseSize(plan.size)!),
    zone: plan.zone ?? before?.zone ?? "somewhere",
    address: plan.address ?? `10.0.0.${(before?.revision ?? 0) + 1}`,
    revision: (before?.revision ?? 0) + 1,
    passwordVersion: plan.password_wo_version,
    password:
      before?.passwordVersion === plan.password_wo_version ? before.password : config.password_wo,
    rest: restOf(plan),
  }));
}

async function waitForStop(signal: AbortSignal): Promise<void> {
  try {
    await sleep(2 ** 30, undefined, { signal });
  } catch {
    // The wait ends only by the signal, whose reason says more than the abort.
  }
}

async function applied(context: Context, id: string): Promise<ApplyResult<typeof schema>> {
  const { plan, signal } = context;
  const item = await write(context, id);
  const result = { state: stateOf(item), private: { generation: item.revision } };
  if (plan.trouble === "wait") {
    await waitForStop(signal);
    return { ...result, error: signal.reason };
  }
  return result;
}

/** Finds the objects in the file. */
export const memoryItemList = listResource<MemoryStore>()({
  type: "memory_item",
  description: "The objects in the file, by their names.",
  schema: z.object({
    prefix: z.string().optional().meta({ description: "Only names that begin so." }),
    trouble: z
      .enum(["warn", "break"])
      .optional()
      .meta({ description: "What shall go wrong after the first object." }),
  }),
  async *list({ config, wholeState, client, diagnostics }) {
    const items = Object.values(await client.items())
      .filter(({ name }) => name.startsWith(config.prefix ?? ""))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const item of items) {
      const { id, name } = item;
      yield { displayName: name, state: wholeState ? stateOf(item) : { id, name } };
      if (config.trouble === "break") throw new Error("the file ends here");
      if (config.trouble === "warn")
        diagnostics.warning("Old file", "Write it again.", ["trouble"]);
    }
  },
});

/** Changes the address of an object behind Terraform's back, and says so. */
export const memoryTouch = action<MemoryStore>()({
  type: "memory_touch",
  description: "Gives an object another address.",
  schema: z.object({
    id: z.string().min(1).meta({ description: "The object." }),
    address: z.string().optional().meta({ description: "The address; the next one by default." }),
    wait: z.boolean().optional().meta({ description: "Whether to wait until it is stopped." }),
  }),
  async plan({ config, client, diagnostics }) {
    if (!isKnown(config.id) || (await client.get(config.id)) !== undefined) return;
    diagnostics.error("Unknown object", `There is no object ${config.id}.`, ["id"]);
  },
  async invoke({ config, client, progress, signal }) {
    progress(`Looking for ${config.id}.`);
    if (config.wait === true) {
      await waitForStop(signal);
      throw signal.reason;
    }
    const item = await client.change(config.id, (before) => {
      if (before === undefined) throw new Error(`there is no object ${config.id}`);
      return { ...before, address: config.address ?? `${before.address}1` };
    });
    progress(`Its address is ${item.address}.`);
  },
});

/** `memory_item`: see the head of this file. */
export const memoryItem = resource<MemoryStore>()({
  type: "memory_item",
  version: 1,
  description: "An object in a file.",
  schema,
  identity: {
    version: 1,
    schema: z.object({
      id: z.string().meta({ description: "The id." }),
      name: z.string().optional().meta({ description: "The name." }),
    }),
    upgraders: {
      0: { upgrade: (old) => ({ id: (old as { readonly uuid: string }).uuid, name: null }) },
    },
  },
  rules: [
    {
      paths: ["disks.*.image", "disks.*.size"],
      test: ({ disks }, [key]) =>
        disks[key!]?.image === "huge" && disks[key!]!.size < 2n ** 30n
          ? "a huge image needs 1GiB"
          : undefined,
    },
    {
      paths: ["password_wo_version", "password_wo"],
      test: ({ password_wo, password_wo_version }) =>
        (password_wo === undefined) === (password_wo_version === undefined)
          ? undefined
          : "password_wo and password_wo_version belong together",
    },
  ],
  validate({ config, diagnostics }) {
    if (config.name === "odd")
      diagnostics.warning("Odd name", "Choose a name that is not odd.", ["name"]);
  },
  async create(context) {
    const { plan } = context;
    if (plan.trouble === "create") throw new Error("the backend refused");
    const id = randomUUID();
    if (plan.trouble !== "partial") return applied(context, id);
    await write(context, id);
    return { state: { id }, error: new Error("the backend stopped half-way") };
  },
  async read({ state, client }) {
    const item = await client.get(state.id);
    return item === undefined ? gone : { state: stateOf(item) };
  },
  update(context) {
    if (context.plan.trouble === "update") throw new Error("the backend refused");
    return applied(context, context.prior.id);
  },
  async delete({ state, client }) {
    if (state.trouble === "delete") throw new Error("the backend refused");
    await client.change(state.id, () => undefined);
  },
  async import({ id: text, identity, client }) {
    const id = identity === undefined ? text : String(identity["id"]);
    const item = await client.get(id);
    if (item === undefined) throw new Error(`there is no object ${id}`);
    const name = identity?.["name"] as string | null | undefined;
    if ((name ?? item.name) !== item.name) throw new Error(`${id} is ${item.name}, not ${name}`);
    return { state: { id, name: item.name } };
  },
  plan({ planned, prior, diagnostics, requireReplace }) {
    if (planned === null) {
      if (prior?.protection === true) {
        diagnostics.error(
          "Unable to destroy memory_item",
          "It is protected. Set protection to false first.",
          ["protection"],
        );
      }
      return Promise.resolve();
    }
    planned.size_bytes =
      isKnown(planned.size) && planned.size !== null ? parseSize(planned.size)! : unknown;
    // A mode that is not known yet may turn out to be "safe": the apply may not ask for more.
    if (prior?.mode === "fast" && planned.mode !== "fast") requireReplace(["mode"]);
    return Promise.resolve();
  },
  upgraders: {
    0: {
      schema: z.object({ id: z.string(), title: z.string(), bytes: z.bigint().optional() }),
      upgrade(state: {
        readonly id: string;
        readonly title: string;
        readonly bytes: bigint | null;
      }) {
        return {
          id: state.id,
          name: state.title,
          size: formatSize(state.bytes ?? 2n ** 30n),
          size_bytes: state.bytes ?? 2n ** 30n,
          disks: {},
        };
      },
    },
  },
});
