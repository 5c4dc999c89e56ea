import { cidrsOverlap, defaultGateway, parseCidr } from "@lodge/schemas/spec/address.ts";
import type { SpecOf } from "@lodge/schemas/spec/kind.ts";
import { claimKey } from "../claim.ts";
import type { Draft } from "../ledger.ts";
import type { Policy, Wish } from "../policy.ts";
import type { Networks } from "../port/networks.ts";
import type { Entry, Store } from "../port/store.ts";
import type { Record } from "../record.ts";
import type { Refusal } from "../refusal.ts";
import { describe } from "../words.ts";

/** The claims and references of a network. */
export function networkEntry(draft: Draft<"network">): Entry {
  return {
    record: draft,
    claims: [{ key: claimKey.name("network", draft.spec.name) }],
    references: [],
  };
}

/** The router's address in a subnet of the network; undefined where there is no such subnet. */
export function gatewayOf(spec: SpecOf<"network">, subnet: string): string | undefined {
  const found = spec.subnets[subnet];
  const cidr = found && parseCidr(found.cidr);
  return cidr && (found.gateway ?? defaultGateway(cidr));
}

/** What is particular to networks. */
export function networkPolicy(store: Store, networks: Networks): Policy<"network"> {
  return {
    kind: "network",
    entry: networkEntry,
    admit: async (wish) => ({
      refusals: [...(await overlaps(store, wish)), ...(await usedSubnets(store, wish))],
      status: {
        ...(wish.current?.status ?? { bridge: networks.bridge(wish.id) }),
        phase: "pending",
        message: "",
      },
      internal: {},
    }),
  };
}

async function overlaps(store: Store, { id, spec }: Wish<"network">): Promise<Refusal[]> {
  const { records } = await store.list("network");
  const others = records
    .filter((record) => record.id !== id)
    .flatMap((record) =>
      Object.entries(record.spec.subnets).map(([name, { cidr }]) => ({ record, name, cidr })),
    );
  return Object.entries(spec.subnets).flatMap(([key, { cidr }]) => {
    const own = parseCidr(cidr)!;
    const clash = others.find((other) => cidrsOverlap(own, parseCidr(other.cidr)!));
    if (!clash) return [];
    const { record, name } = clash;
    return [
      {
        reason: "SUBNET_OVERLAP" as const,
        path: ["subnets", key, "cidr"],
        message: `${cidr} overlaps subnet ${name} (${clash.cidr}) of ${describe(record)}`,
        remedy: "Choose a range that no network of the host uses.",
        kind: "network" as const,
        id: record.id,
        name: record.spec.name,
      },
    ];
  });
}

async function usedSubnets(
  store: Store,
  { id, spec, current }: Wish<"network">,
): Promise<Refusal[]> {
  const removed = Object.keys(current?.spec.subnets ?? {}).filter((key) => !(key in spec.subnets));
  if (removed.length === 0) return [];
  const pools = (await store.list("address_pool")).records.filter(
    (pool) => pool.spec.network_id === id,
  );
  return removed.flatMap((key) => {
    const users = pools.filter((pool) => pool.spec.subnet === key);
    const message = `subnet ${key} is needed by ${users.map((pool) => describe(pool as Record)).join(", ")}`;
    return users.map((pool) => ({
      reason: "IN_USE" as const,
      path: ["subnets", key],
      message,
      remedy: "Delete those first.",
      kind: "address_pool" as const,
      id: pool.id,
      name: pool.spec.name,
    }));
  });
}
