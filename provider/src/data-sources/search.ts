import type { Item } from "@lodge/schemas/kind-client.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { article } from "../resources/article.ts";
import { AttributeError } from "../sdk/diagnostic.ts";
import type { KindView, Told } from "./kind-view.ts";

/** A found object, and what it tells. */
export interface Found<K extends KindName = KindName> {
  readonly item: Item<K>;
  readonly told: Told;
}

/** What a search for several objects may say, the same for data sources and list resources. */
export function searchAttributes(
  { titles, filters }: KindView,
  without: readonly string[] = [],
): Record<string, z.ZodType> {
  const own = Object.entries(filters).filter(([name]) => !without.includes(name));
  return {
    host: z
      .string()
      .optional()
      .meta({
        description: `Only ${titles} of this host. Default: those of all hosts of the provider, each of which must answer.`,
      }),
    name_prefix: z
      .string()
      .min(1)
      .optional()
      .meta({
        description: `Only ${titles} whose names begin so.`,
      }),
    name_regex: namePattern.optional().meta({
      description: `Only ${titles} whose names match this regular expression, as JavaScript has them. It may match anywhere in the name: \`^\` and \`$\` stand for its ends.`,
    }),
    ...Object.fromEntries(own.map(([name, { schema }]) => [name, schema])),
  };
}

const namePattern = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => pattern(text) !== undefined, {
    error: "must be a regular expression such as ^web-[0-9]+$",
  });

function pattern(text: string): RegExp | undefined {
  try {
    return new RegExp(text, "u");
  } catch {
    return undefined;
  }
}

/** The objects that a search means, in the order of their hosts and names. */
export async function search(
  view: KindView,
  hosts: Hosts,
  wanted: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const { host, name_prefix: prefix, name_regex: regex } = wanted;
  const asked = Object.entries(view.filters).filter(([name]) => (wanted[name] ?? null) !== null);
  const expression = typeof regex === "string" ? pattern(regex) : undefined;
  const isMeant = ({ item, told }: Found): boolean =>
    (typeof prefix !== "string" || item.spec.name.startsWith(prefix)) &&
    (expression === undefined || expression.test(item.spec.name)) &&
    asked.every(([name, { test }]) => test(told, wanted[name]));
  const all = await everywhere(view, hosts, typeof host === "string" ? host : null, signal);
  return all.filter(isMeant);
}

async function everywhere(
  view: KindView,
  hosts: Hosts,
  host: string | null,
  signal: AbortSignal,
): Promise<readonly Found[]> {
  const agents = await hosts.agents(host);
  const lists = await Promise.all(agents.map((agent) => agent.list(view.kind, signal)));
  return lists
    .flat()
    .toSorted((a, b) => compare(a.host, b.host) || compare(a.spec.name, b.spec.name))
    .map((item) => ({ item, told: view.tell(item) }));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Which object is meant: by its id, or by its name and perhaps its host. */
export interface Meant {
  readonly id: string | null;
  readonly name: string | null;
  readonly host: string | null;
}

/** The one object that is meant. Throws an error at the attribute that nothing, or more than one object, has. */
export async function findOne(
  view: KindView,
  hosts: Hosts,
  { id, name, host }: Meant,
  signal: AbortSignal,
): Promise<Found> {
  const { kind, title } = view;
  if (id !== null) {
    // An id is the same wherever its object is, so one answer is enough.
    const item =
      host === null
        ? await hosts.find(kind, id, signal, "look")
        : (await (await hosts.agent(host)).list(kind, signal)).find((known) => known.id === id);
    if (item) return { item, told: view.tell(item) };
    throw new AttributeError(["id"], `${nowhere(host, title)} with the id ${id}.`);
  }
  const where = host ?? hosts.defaultHost;
  const found = (await everywhere(view, hosts, where, signal)).filter(
    ({ item }) => item.spec.name === name,
  );
  if (found.length === 1) return found[0]!;
  if (found.length === 0) {
    const hint =
      where === null || host !== null ? "" : " To look on another host, set host to its name.";
    throw new AttributeError(["name"], `${nowhere(where, title)} with the name ${name}.${hint}`);
  }
  const holders = found.map(({ item }) => item.host).join(", ");
  throw new AttributeError(
    ["name"],
    `Several hosts have ${article(title)} with the name ${name}: ${holders}. Set host to the one that is meant, or give its id.`,
  );
}

function nowhere(host: string | null, title: string): string {
  return host === null ? `No host has ${article(title)}` : `The host ${host} has no ${title}`;
}
