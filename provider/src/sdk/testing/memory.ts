/**
 * A provider whose backend is one JSON file, named by its configuration: every shape of attribute,
 * a data source, functions, an ephemeral resource, a list and an action. Tests run it under the simulator of core and
 * under the real Terraform; authors may take it as an example.
 */

import * as z from "zod";
import { dataSource } from "../data-source.ts";
import { ephemeralResource } from "../ephemeral.ts";
import { ArgumentError, providerFunction } from "../function.ts";
import type { Provider, ProviderDefinition } from "../provider.ts";
import { defineProvider } from "../provider.ts";
import { encodeIdentitySchemas, encodeProviderSchema } from "../server/provider-schema.ts";
import { isKnown } from "../value/unknown.ts";
import { memoryItem, memoryItemList, memoryTouch } from "./memory-item.ts";
import { MemoryStore, size } from "./memory-store.ts";

const memoryItems = dataSource<MemoryStore>()({
  type: "memory_items",
  description: "The objects in the file.",
  schema: z.object({
    prefix: z.string().default("").meta({ description: "Only names that begin so." }),
    minimum: size.optional().meta({ description: "Only objects of at least that size." }),
    names: z.array(z.string()).meta({ description: "Their names, sorted.", computed: "volatile" }),
    items: z
      .array(z.object({ name: z.string(), size_bytes: z.bigint() }))
      .meta({ description: "The objects, sorted by name.", computed: "volatile" }),
  }),
  async read({ config, client }) {
    const minimum = config.minimum === null ? 0n : size.decode(config.minimum);
    const items = Object.values(await client.items())
      .filter((item) => item.name.startsWith(config.prefix ?? "") && BigInt(item.size) >= minimum)
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
    return {
      names: items.map((item) => item.name),
      items: items.map((item) => ({ name: item.name, size_bytes: BigInt(item.size) })),
    };
  },
});

const memoryToken = ephemeralResource<MemoryStore>()({
  type: "memory_token",
  description: "A token that is worth nothing.",
  schema: z.object({
    audience: z.string().min(1).meta({ description: "For whom." }),
    lifetime_ms: z.int().default(3_600_000).meta({ description: "When to renew." }),
    token: z.string().meta({ description: "The token.", computed: "volatile", sensitive: true }),
  }),
  open({ config }) {
    return Promise.resolve({
      result: { token: `token-for-${config.audience}` },
      renewAt: new Date(Date.now() + (config.lifetime_ms ?? 3_600_000)),
      private: { audience: config.audience, renewals: 0 },
    });
  },
  renew({ private: kept }) {
    return Promise.resolve({ private: { ...kept, renewals: Number(kept["renewals"]) + 1 } });
  },
  async close({ private: kept, diagnostics }) {
    if (kept["audience"] === "nobody")
      diagnostics.warning("Token of nobody", "Open it for somebody.");
    await Promise.resolve();
  },
});

const joinNames = providerFunction({
  name: "join_names",
  summary: "Joins names.",
  description: "Joins names with a separator.",
  parameters: [
    { name: "separator", description: "What stands between.", schema: z.string().max(3) },
  ],
  variadic: { name: "names", description: "The names.", schema: z.string() },
  returns: z.string(),
  call: ([separator], names) => {
    const empty = names.indexOf("");
    if (empty >= 0) throw new ArgumentError(empty + 1, "a name must not be empty");
    return names.join(separator);
  },
});

const sizeInBytes = providerFunction({
  name: "size_in_bytes",
  summary: "The bytes of a size.",
  description: "The number of bytes of a size such as `4GiB`.",
  parameters: [{ name: "size", description: "The size.", schema: size, allowNull: true }],
  returns: z.bigint(),
  call: ([text]) => (text === null ? 0n : size.decode(text)),
});

const wrap = providerFunction({
  name: "wrap",
  summary: "Wraps a value.",
  description: "Wraps a value of any type in an object.",
  parameters: [{ name: "value", description: "Anything.", schema: z.unknown() }],
  returns: z.unknown(),
  call: ([value]) => ({ wrapped: value, list: [1, "two", null] }),
});

/** The provider itself. */
export const memoryProvider: Provider = defineProvider({
  description: "Objects in a file.",
  schema: z.object({
    path: z.string().min(1).optional().meta({ description: "The file." }),
    token: z.string().optional().meta({ description: "Not used.", sensitive: true }),
  }),
  configure({ config, diagnostics }) {
    if (config.path === "/dev/null") {
      diagnostics.error("Unable to configure provider memory", "Nothing can be kept there.", [
        "path",
      ]);
    }
    // An unknown path is a plan with nothing to read from.
    return new MemoryStore(
      isKnown(config.path) && config.path !== null ? config.path : "/nonexistent/memory.json",
    );
  },
  resources: [memoryItem],
  dataSources: [memoryItems],
  ephemeralResources: [memoryToken],
  listResources: [memoryItemList],
  actions: [memoryTouch],
  functions: [joinNames, sizeInBytes, wrap],
});

/** What an executable of this provider would serve. */
export const memory: ProviderDefinition = {
  name: "memory",
  schemaAsset: () => encodeProviderSchema(memoryProvider),
  identityAsset: () => encodeIdentitySchemas(memoryProvider),
  load: () => Promise.resolve(memoryProvider),
};
