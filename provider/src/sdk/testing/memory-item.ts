/** A resource with every shape of attribute that the SDK knows: an example for authors, and a test bed. */

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import { action } from "../action.ts";
import { listResource } from "../list-resource.ts";
import type { ApplyResult, CreateContext } from "../resource.ts";
import { gone, resource } from "../resource.ts";
import { isKnown, unknown } from "../value/unknown.ts";
import { restOf, schema, stateOf } from "./memory-schema.ts";
import type { MemoryStore, StoredItem } from "./memory-store.ts";
import { formatSize, parseSize } from "./memory-store.ts";

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
