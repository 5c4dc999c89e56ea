import { formatIpv4, macOf, parseIpv4 } from "@lodge/schemas/spec/address.ts";
import type { VmNicSpec } from "@lodge/schemas/spec/vm.ts";
import { isInPool, rangesOf } from "../address-pool/service.ts";
import { claimKey } from "../claim.ts";
import { gatewayOf } from "../network/service.ts";
import type { HeldClaim, Store } from "../port/store.ts";
import type { NicAllocation, Record } from "../record.ts";
import { referenceRefusal } from "../reference.ts";
import type { Refusal } from "../refusal.ts";
import { describe, seconds } from "../words.ts";

export interface AllocationRequest {
  readonly store: Store;
  readonly vmId: string;
  readonly nics: { readonly [name: string]: VmNicSpec };
  /** What the interfaces have so far. */
  readonly current: { readonly [name: string]: NicAllocation };
  readonly now: number;
  /** Draws a MAC address for an interface without one. */
  readonly drawMac: () => string;
}

export interface Allocation {
  readonly nics: { readonly [name: string]: NicAllocation };
  readonly refusals: readonly Refusal[];
}

/** Gives every interface its addresses: those that it has, those that it asks for, else the lowest free of its pool. */
export async function allocate(request: AllocationRequest): Promise<Allocation> {
  const refusals: Refusal[] = [];
  const nics: { [name: string]: NicAllocation } = {};
  // Whoever asks for a certain address or MAC gets it before another keeps it.
  const asks = ({ ipv4_address, mac }: VmNicSpec): boolean =>
    ipv4_address !== undefined || mac !== undefined;
  const names = Object.keys(request.nics).toSorted();
  const [first, then] = [true, false].map((certain) =>
    names.filter((name) => asks(request.nics[name]!) === certain),
  );
  for (const name of [...first!, ...then!]) {
    const found = await allocateNic(request, name, nics);
    if ("nic" in found) nics[name] = found.nic;
    else refusals.push(...found.refusals);
  }
  return {
    nics: Object.fromEntries(Object.entries(nics).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    refusals,
  };
}

type Outcome = { readonly nic: NicAllocation } | { readonly refusals: readonly Refusal[] };

async function allocateNic(
  request: AllocationRequest,
  name: string,
  given: { readonly [name: string]: NicAllocation },
): Promise<Outcome> {
  const { store } = request;
  const { network_id, ipv4_pool_id } = request.nics[name]!;
  const path = (field: string) => ["nics", name, field];
  const network = await store.get("network", network_id);
  const lost = referenceRefusal({ kind: "network", id: network_id }, network, path("network_id"));
  if (lost || !network) return { refusals: lost ? [lost] : [] };
  if (ipv4_pool_id === undefined) return withMac(request, name, given, { network_id });
  const pool = await store.get("address_pool", ipv4_pool_id);
  const of = { kind: "address_pool", id: ipv4_pool_id } as const;
  const poolLost = referenceRefusal(of, pool, path("ipv4_pool_id"));
  if (poolLost || !pool) return { refusals: poolLost ? [poolLost] : [] };
  if (pool.spec.network_id !== network_id) {
    return {
      refusals: [
        {
          reason: "SPEC_INVALID",
          path: path("ipv4_pool_id"),
          message: `${describe(pool)} is a pool of another network than ${describe(network)}`,
          remedy: "Choose a pool of the interface's own network.",
          kind: "address_pool",
          id: pool.id,
          name: pool.spec.name,
        },
      ],
    };
  }
  const address = await chooseAddress(request, name, given, network, pool);
  if ("refusal" in address) return { refusals: [address.refusal] };
  return withMac(request, name, given, {
    network_id,
    ipv4_pool_id,
    ipv4_address: address.address,
  });
}

async function chooseAddress(
  { store, vmId, nics, current, now }: AllocationRequest,
  name: string,
  given: { readonly [name: string]: NicAllocation },
  network: Record<"network">,
  pool: Record<"address_pool">,
): Promise<{ readonly address: string } | { readonly refusal: Refusal }> {
  const wanted = nics[name]!.ipv4_address;
  const before = current[name];
  const prefix = claimKey.ipv4(network.id, "");
  const claims = new Map(
    (await store.claims(prefix)).map((claim) => [claim.key.slice(prefix.length), claim]),
  );
  const taken = (address: string): boolean =>
    Object.values(given).some(
      (nic) => nic.network_id === network.id && nic.ipv4_address === address,
    ) ||
    (claims.has(address) && claims.get(address)!.holder?.id !== vmId);
  if (wanted !== undefined) {
    if (!isInPool(pool.spec, wanted)) return { refusal: outsidePool(pool, name, wanted) };
    if (!taken(wanted)) return { address: wanted };
    return { refusal: await addressTaken(store, pool, name, wanted, claims.get(wanted), now) };
  }
  const same = before?.ipv4_pool_id === pool.id ? before.ipv4_address : undefined;
  if (same !== undefined && isInPool(pool.spec, same) && !taken(same)) return { address: same };
  const gateway = parseIpv4(gatewayOf(network.spec, pool.spec.subnet) ?? "");
  for (const { first, last } of rangesOf(pool.spec)) {
    for (let number = first; number <= last; number++) {
      const address = formatIpv4(number);
      // What the VM has already, its running guest included, is another interface's.
      const own = claims.get(address)?.holder?.id === vmId;
      if (number !== gateway && !own && !taken(address)) return { address };
    }
  }
  return { refusal: exhausted(pool, name, [...claims.entries()], now) };
}

async function withMac(
  { store, vmId, nics, current, drawMac }: AllocationRequest,
  name: string,
  given: { readonly [name: string]: NicAllocation },
  nic: Omit<NicAllocation, "mac">,
): Promise<Outcome> {
  const wanted = nics[name]!.mac;
  const holder = async (mac: string): Promise<string | undefined> => {
    if (Object.values(given).some((other) => other.mac === mac)) return vmId;
    const claims = await store.claims(claimKey.mac(mac));
    const id = claims[0]?.holder?.id;
    return id === vmId ? undefined : id;
  };
  if (wanted !== undefined) {
    const id = await holder(wanted);
    if (id === undefined) return { nic: { ...nic, mac: wanted } };
    const vm = await store.get("vm", id);
    return {
      refusals: [
        {
          reason: "MAC_TAKEN",
          path: ["nics", name, "mac"],
          message: `the MAC address ${wanted} is that of ${vm ? describe(vm) : "another interface of this VM"}`,
          remedy: "Choose another, or none to have one derived.",
          kind: "vm",
          id,
          ...(vm && { name: vm.spec.name }),
        },
      ],
    };
  }
  const before = current[name]?.mac;
  const derived = nic.ipv4_address === undefined ? undefined : macOf(nic.ipv4_address);
  for (const mac of [before, derived]) {
    if (mac !== undefined && (await holder(mac)) === undefined) return { nic: { ...nic, mac } };
  }
  for (;;) {
    const mac = drawMac();
    if ((await holder(mac)) === undefined) return { nic: { ...nic, mac } };
  }
}

function outsidePool(pool: Record<"address_pool">, name: string, address: string): Refusal {
  return {
    reason: "ADDRESS_OUTSIDE_POOL",
    path: ["nics", name, "ipv4_address"],
    message: `${address} is not in ${describe(pool)}, which has ${pool.spec.ranges.join(", ")}`,
    remedy: "Choose an address of the pool, or none for the lowest free one.",
    kind: "address_pool",
    id: pool.id,
    name: pool.spec.name,
  };
}

async function addressTaken(
  store: Store,
  pool: Record<"address_pool">,
  name: string,
  address: string,
  claim: HeldClaim | undefined,
  now: number,
): Promise<Refusal> {
  const vm = claim?.holder && (await store.get("vm", claim.holder.id));
  const cooling = claim?.freeAt !== undefined;
  const held = vm ? `is that of ${describe(vm)}` : "is that of another interface of this VM";
  return {
    reason: "ADDRESS_TAKEN",
    path: ["nics", name, "ipv4_address"],
    message: cooling
      ? `${address} was freed a moment ago and cools down in ${describe(pool)} for ${seconds(claim.freeAt - now)} more`
      : `${address} ${held}`,
    remedy: cooling
      ? "Try again then, or choose another address."
      : "Choose another address, or none for the lowest free one.",
    ...(vm && { kind: "vm" as const, id: vm.id, name: vm.spec.name }),
    retryable: cooling,
    ...(cooling && { retryAfterMs: Math.max(1, claim.freeAt - now) }),
  };
}

function exhausted(
  pool: Record<"address_pool">,
  name: string,
  claims: readonly (readonly [string, HeldClaim])[],
  now: number,
): Refusal {
  const own = claims.filter(([address]) => isInPool(pool.spec, address));
  const cooling = own.filter(([, { freeAt }]) => freeAt !== undefined);
  const soonest = Math.min(...cooling.map(([, { freeAt }]) => freeAt!));
  const wait = cooling.length > 0 ? `; the next one is free in ${seconds(soonest - now)}` : "";
  return {
    reason: "POOL_EXHAUSTED",
    path: ["nics", name, "ipv4_pool_id"],
    message: `${describe(pool)} has no free address: ${own.length - cooling.length} in use, ${cooling.length} cooling down${wait}`,
    remedy: "Widen the pool's `ranges`, or delete what no longer needs an address.",
    kind: "address_pool",
    id: pool.id,
    name: pool.spec.name,
  };
}
