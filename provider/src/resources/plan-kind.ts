import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { z } from "zod";
import type { HostSource } from "../host-source.ts";
import type { Hosts } from "../hosts.ts";
import type { PlanContext } from "../sdk/resource.ts";
import { formatPath } from "../sdk/value/path.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import { claimsOf } from "./claims.ts";
import type { KindDefinition } from "./kind-resource.ts";
import { preview } from "./preview.ts";
import { warnOfUsers } from "./users.ts";
import { walkOf, type Hold } from "./walk.ts";

type Values = Readonly<Record<string, unknown>>;

/** The common part of planning: protection, a changed host, and what the agent would refuse. */
export async function planKind<K extends KindName, Schema extends z.ZodObject>(
  definition: KindDefinition<K, Schema>,
  context: PlanContext<Schema, Hosts>,
): Promise<void> {
  const { kind, placement } = definition;
  const [planned, prior, config] = [
    context.planned,
    context.prior,
    context.config,
  ] as (Values | null)[];
  if (!planned) {
    refuseProtected(kind, prior!, context);
    return;
  }
  const wished = placement.wish(config!);
  const elsewhere = isUnknown(wished) || typeof wished === "string";
  const moves = prior && elsewhere && wished !== placement.home(prior);
  if (moves) context.requireReplace([placement.attribute]);
  const likely = await definition.plan?.(context);
  const replaced = context.replaces();
  if (prior && replaced) refuseProtected(kind, prior, context);
  // The second plan of a replacement, which may have been asked for by -replace: then the first one knew nothing of it.
  const replacement = !prior && context.private["id"] !== undefined;
  if (replacement && context.private["protected"] === true)
    refuseProtected(kind, { ...planned, deletion_protection: true }, context);
  const id = (prior ?? context.private)["id"] as string | undefined;
  const stays = Boolean(prior) && !moves;
  const host = stays ? placement.home(prior!) : wished;
  const source: HostSource = stays ? "state" : [placement.attribute];
  const walk = walkOf(context.client);
  if (id !== undefined) walk.notePlanned(id, planned);
  await refuseTwins(kind, { id, host, source, planned }, context);
  // Of the second plan of a replacement core shows no warnings, so none is made of one that the user alone asks for.
  if (prior && (replaced || moves)) {
    const home = placement.home(prior);
    await warnOfUsers(kind, { id: id!, name: prior["name"], home }, context);
  }
  if (moves) return;
  const changes =
    !prior || Object.keys(kinds[kind].spec.shape).some((name) => context.changed([name]));
  if (prior && !replaced) {
    for (const clash of walk.keeps(id!, holds(kind, changes, context)))
      context.diagnostics.error(`The ${kinds[kind].title} ${String(prior["name"])} stays`, clash);
  }
  if (changes && !replacement) {
    const edit = prior && { id: id!, revision: context.private["revision"] as number };
    const values = { planned: { ...planned, ...likely }, config: config! };
    await preview(kind, context.client, { ...values, ...edit, host, source, replaced }, context);
  }
}

/** How an object that is not replaced goes on to stand in the way of others. What it claims it may change by an edit. */
function holds(
  kind: KindName,
  changes: boolean,
  { changed }: PlanContext<never, Hosts>,
): readonly Hold[] {
  if (!changes) return ["claim", "need"];
  // Of what others need, an edit alone can only move the interfaces of a VM away.
  return kind === "vm" && changed(["nics"]) ? [] : ["need"];
}

/** What two resources of one configuration claim is refused before an agent is asked: for it both are new. */
async function refuseTwins(
  kind: KindName,
  of: {
    readonly id: string | undefined;
    readonly host: unknown;
    readonly source: HostSource;
    readonly planned: Values;
  },
  { client, diagnostics }: PlanContext<never, Hosts>,
): Promise<void> {
  if (!client.isKnown(of.host)) return;
  const { name: host } = await client.agent(of.host as string | null, of.source);
  const claims = claimsOf(kind, host, of.planned);
  for (const { path, clash } of walkOf(client).claim(of.id ?? Symbol("new"), claims))
    diagnostics.error(`Invalid value for ${formatPath(path)}`, clash, path);
}

function refuseProtected(
  kind: KindName,
  prior: Values,
  { diagnostics }: PlanContext<never, Hosts>,
): void {
  if (prior["deletion_protection"] !== true) return;
  const { title } = kinds[kind];
  diagnostics.error(
    `The ${title} ${String(prior["name"])} is protected`,
    "deletion_protection is on. Set it to false and apply that first; then the object can be deleted.",
    ["deletion_protection"],
  );
}
