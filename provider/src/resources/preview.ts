import { asLodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds, type KindName, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Agent } from "../agent.ts";
import type { HostSource } from "../host-source.ts";
import type { Hosts } from "../hosts.ts";
import { SULK } from "../patience.ts";
import type { Diagnostics } from "../sdk/diagnostic.ts";
import { formatPath } from "../sdk/value/path.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import { isAskedLater } from "./asked-later.ts";
import { foresee, isClash } from "./clash.ts";
import { sentence } from "./sentence.ts";
import { specOf } from "./translate.ts";
import { walkOf } from "./walk.ts";

/** Milliseconds that a plan waits for an agent's opinion. */
const PATIENCE = 2000;

type Values = Readonly<Record<string, unknown>>;

/** When agents last did not answer. */
const silent = new WeakMap<Agent, number>();

/** What was planned, and of which object. */
interface Question {
  readonly planned: Values;
  readonly config: Values;
  readonly id?: string;
  readonly revision?: number;
  /** The host that it is or shall be on; null for the default one. */
  readonly host: unknown;
  readonly source: HostSource;
  /** Whether it will be a new object in the place of the old one. */
  readonly replaced: boolean;
}

/**
 * Asks the agent what it would refuse, and reports that at plan. Only what is known is asked about; an agent
 * that cannot be reached, or is too old to say, is asked at apply.
 */
export async function preview<K extends KindName>(
  kind: K,
  hosts: Hosts,
  { planned, config, id, revision, host, source, replaced }: Question,
  { diagnostics, signal }: { readonly diagnostics: Diagnostics; readonly signal: AbortSignal },
): Promise<void> {
  if (!hosts.isKnown(host)) return;
  const agent = await hosts.agent(host as string | null, source);
  const spec = knownSpec(kind, planned);
  if (!spec || performance.now() - (silent.get(agent) ?? -Infinity) < SULK) return;
  // What the configuration leaves to the agent is no part that is missing.
  const partial = Object.keys(kinds[kind].spec.shape).some((name) => hasUnknown(config[name]));
  const wish = {
    id: id ?? randomUUID(),
    spec,
    ...(revision !== undefined && { expectedRevision: revision }),
  };
  const refusals = await agent
    .kind(kind)
    .validate(wish, { signal, timeoutMs: PATIENCE })
    .catch((thrown: unknown) => {
      if (!isAskedLater(thrown)) throw thrown;
      if (asLodgeError(thrown).code !== "UNIMPLEMENTED") silent.set(agent, performance.now());
      return [];
    });
  for (const { path, message, reason, retryable, holder } of refusals) {
    // The rules of the spec were checked before, and may not hold for a part of it.
    if (partial && (reason === "SPEC_INVALID" || hasUnknown(valueAt(planned, path)))) continue;
    // An image that is sent needs no file on the host.
    if (path[0] === "host_path" && (config["local_path"] ?? null) !== null) continue;
    // What cannot be edited is made anew: the plan says so already.
    if (reason === "FIELD_IMMUTABLE") continue;
    if (replaced && (reason === "SHRINK" || reason === "IN_USE")) continue;
    if (reason === "REFERENCE_NOT_FOUND" && isPlanned(kind, path, planned, hosts)) continue;
    // What the plan itself has found needs no saying twice.
    if (diagnostics.list.some((known) => isDeepStrictEqual(known.path, path))) continue;
    // Terraform finds the line of an outer attribute alone, so an inner one is named.
    const what = path.length === 0 ? kinds[kind].title : `value for ${formatPath(path)}`;
    if (isClash(reason) && holder !== "" && holder !== id) {
      const rivals = refusals.filter(
        (other) => other.reason === reason && isDeepStrictEqual(other.path, path),
      );
      if (await foresee(what, rivals, agent, { hosts, diagnostics, signal })) continue;
    }
    // What may be otherwise by the time of the apply is no error yet: it would stop a destroy as well.
    const severity = retryable ? "warning" : "error";
    const summary =
      severity === "error" ? `Invalid ${what}` : `The apply will fail unless this changes: ${what}`;
    diagnostics.add({ severity, summary, detail: `${sentence(message)} (${reason})`, path });
  }
}

/** Whether the subnet of a pool is not there yet, and is added to its network by the same plan. */
function isPlanned(
  kind: KindName,
  path: readonly string[],
  { network_id: network, subnet }: Values,
  hosts: Hosts,
): boolean {
  if (kind !== "address_pool" || path[0] !== "subnet" || typeof network !== "string") return false;
  const subnets = walkOf(hosts).plannedOf(network)?.["subnets"] ?? {};
  return isUnknown(subnets) || Object.hasOwn(subnets, subnet as string);
}

/** What stands at a path; unknown where that lies in something unknown. */
function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce(
    (at: unknown, step) => (isUnknown(at) ? at : (at as Values | null | undefined)?.[step]),
    value,
  );
}

/**
 * The spec without the entries that hold something unknown; undefined where what is left would not be one, or would
 * say a default in the place of what is not known.
 */
function knownSpec<K extends KindName>(kind: K, planned: Values): SpecOf<K> | undefined {
  const shape: Record<string, z.core.$ZodType> = kinds[kind].spec.shape;
  const isAssumed = ([name, schema]: [string, z.core.$ZodType]): boolean =>
    schema instanceof z.ZodDefault && isUnknown(planned[name]);
  if (Object.entries(shape).some(isAssumed)) return undefined;
  const known = Object.keys(shape).map((name) => [name, knownParts(planned[name])] as const);
  try {
    return specOf(kind, Object.fromEntries(known));
  } catch {
    return undefined;
  }
}

/** Unknown values become absent, and so do objects with an unknown member: half of one says something else. */
function knownParts(value: unknown): unknown {
  if (isUnknown(value)) return null;
  if (Array.isArray(value)) return value.some(hasUnknown) ? null : value;
  if (typeof value !== "object" || value === null) return value;
  const nested = Object.values(value).every(
    (member) => isUnknown(member) || (typeof member === "object" && member !== null),
  );
  if (!nested) return hasUnknown(value) ? null : value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => !hasUnknown(member))
      .map(([key, member]) => [key, member]),
  );
}

function hasUnknown(value: unknown): boolean {
  if (isUnknown(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(hasUnknown);
}
