import {
  formatIpv4,
  isHostAddress,
  parseCidr,
  parseIpv4,
  parseRange,
  type AddressRange,
} from "@lodge/schemas/spec/address.ts";
import type { SpecOf } from "@lodge/schemas/spec/kind.ts";
import { claimKey } from "../claim.ts";
import type { Draft } from "../ledger.ts";
import { gatewayOf } from "../network/service.ts";
import type { Policy, Wish } from "../policy.ts";
import type { Entry, Store } from "../port/store.ts";
import type { NicAllocation, Record } from "../record.ts";
import type { Refusal } from "../refusal.ts";
import { referenceRefusal } from "../reference.ts";
import { describe } from "../words.ts";

/** The claims and references of a pool. */
export function addressPoolEntry(draft: Draft<"address_pool">): Entry {
  return {
    record: draft,
    claims: [{ key: claimKey.name("address_pool", draft.spec.name) }],
    references: [{ kind: "network", id: draft.spec.network_id }],
  };
}

/** The ranges of a pool, in the order of their addresses. */
export function rangesOf(spec: SpecOf<"address_pool">): AddressRange[] {
  return spec.ranges.map((text) => parseRange(text)!).toSorted((a, b) => a.first - b.first);
}

/** Whether an address is the pool's to give. */
export function isInPool(spec: SpecOf<"address_pool">, address: string): boolean {
  const number = parseIpv4(address)!;
  return rangesOf(spec).some(({ first, last }) => first <= number && number <= last);
}

/** What is particular to address pools. */
export function addressPoolPolicy(store: Store): Policy<"address_pool"> {
  return {
    kind: "address_pool",
    storeOnly: true,
    entry: addressPoolEntry,
    admit: async (wish) => ({
      refusals: [...(await misplaced(store, wish)), ...(await shrunk(store, wish))],
      status: { phase: "ready", message: "", size: sizeOf(wish.spec), used: 0, cooling: 0 },
      internal: {},
    }),
    present: async (record) => {
      const used = new Set((await allocations(store, record.id)).map(({ address }) => address));
      const prefix = claimKey.ipv4(record.spec.network_id, "");
      const cooling = (await store.claims(prefix)).filter(
        ({ key, freeAt }) =>
          freeAt !== undefined && isInPool(record.spec, key.slice(prefix.length)),
      );
      return {
        ...record,
        status: { ...record.status, used: used.size, cooling: cooling.length },
      };
    },
  };
}

function sizeOf(spec: SpecOf<"address_pool">): number {
  return rangesOf(spec).reduce((sum, { first, last }) => sum + last - first + 1, 0);
}

/** Whose addresses come from a pool: those of wishes, and those that running guests still have. */
async function allocations(store: Store, poolId: string) {
  const users = await store.users({ kind: "address_pool", id: poolId });
  const vms = await Promise.all(users.map(({ id }) => store.get("vm", id)));
  return vms.flatMap((vm) => {
    const nics: NicAllocation[] = [
      ...Object.values(vm?.internal.nics ?? {}),
      ...Object.values(vm?.internal.boot?.nics ?? {}),
    ];
    return nics
      .filter(({ ipv4_pool_id, ipv4_address }) => ipv4_pool_id === poolId && ipv4_address)
      .map(({ ipv4_address }) => ({ vm: vm!, address: ipv4_address! }));
  });
}

async function misplaced(store: Store, { spec }: Wish<"address_pool">): Promise<Refusal[]> {
  const of = { kind: "network", id: spec.network_id } as const;
  const network = await store.get("network", spec.network_id);
  const refusal = referenceRefusal(of, network, ["network_id"]);
  if (refusal || !network) return refusal ? [refusal] : [];
  const subnet = network.spec.subnets[spec.subnet];
  if (!subnet) {
    return [
      {
        reason: "REFERENCE_NOT_FOUND",
        path: ["subnet"],
        message: `${describe(network)} has no subnet ${spec.subnet}; it has ${Object.keys(network.spec.subnets).join(", ")}`,
        remedy: "Name one of its subnets.",
        kind: "network",
        id: network.id,
        name: network.spec.name,
      },
    ];
  }
  const cidr = parseCidr(subnet.cidr)!;
  const gateway = gatewayOf(network.spec, spec.subnet)!;
  const router = parseIpv4(gateway)!;
  return spec.ranges.flatMap((text, index) => {
    const { first, last } = parseRange(text)!;
    const invalid = (message: string, remedy: string): Refusal[] => [
      { reason: "SPEC_INVALID", path: ["ranges", `${index}`], message, remedy },
    ];
    if (!isHostAddress(cidr, first) || !isHostAddress(cidr, last)) {
      return invalid(
        `${text} reaches beyond the host addresses of subnet ${spec.subnet} (${subnet.cidr})`,
        `Keep it inside ${formatIpv4(cidr.base + 1)}-${formatIpv4(cidr.base + 2 ** (32 - cidr.prefix) - 2)}.`,
      );
    }
    return first <= router && router <= last
      ? invalid(`${text} has the gateway ${gateway} in it`, "Leave the gateway's address out.")
      : [];
  });
}

async function shrunk(
  store: Store,
  { id, spec, current }: Wish<"address_pool">,
): Promise<Refusal[]> {
  if (!current) return [];
  const lost = (await allocations(store, id)).filter(({ address }) => !isInPool(spec, address));
  const named = lost.map(({ vm, address }) => `${address} by ${describe(vm as Record)}`);
  const message = `addresses that would leave the pool are in use: ${[...new Set(named)].join(", ")}`;
  const users = new Map(lost.map(({ vm }) => [vm.id, vm.spec.name]));
  return [...users].map(([id, name]) => ({
    reason: "IN_USE" as const,
    path: ["ranges"],
    message,
    remedy: "Keep them in the ranges, or give those VMs other addresses first.",
    kind: "vm" as const,
    id,
    name,
  }));
}
