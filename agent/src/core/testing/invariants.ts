/**
 * What must be so whenever an agent has come to rest and nothing stands in its way: the host has exactly what the
 * records say, and the records are as they were wished for.
 */
import { isDeepStrictEqual } from "node:util";
import { changes } from "@lodge/schemas/spec/changes.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { VmSpec } from "@lodge/schemas/spec/vm.ts";
import { addressPoolEntry } from "../address-pool/service.ts";
import { diskEntry } from "../disk/service.ts";
import { imageEntry } from "../image/service.ts";
import { networkEntry } from "../network/service.ts";
import type { Entry, Store } from "../port/store.ts";
import type { Record as ObjectRecord } from "../record.ts";
import { allocationsOf, diskIds, vmEntry } from "../vm/entry.ts";
import { mayFollow } from "../vm/phase.ts";
import type { World } from "./world.ts";

/** Everything that is not as it must be, in words. */
export async function violatedInvariants(world: World): Promise<string[]> {
  const { store } = world;
  const records = {
    network: (await store.list("network")).records,
    address_pool: (await store.list("address_pool")).records,
    image: (await store.list("image")).records,
    disk: (await store.list("disk")).records,
    vm: (await store.list("vm")).records,
  };
  const found: string[] = [];
  const hold = (truth: boolean, words: string): void => {
    if (!truth) found.push(words);
  };
  const same = (a: Iterable<string>, b: Iterable<string>, words: string): void => {
    const [left, right] = [[...a].toSorted(), [...b].toSorted()];
    hold(isDeepStrictEqual(left, right), `${words}: ${left.join(" ")} against ${right.join(" ")}`);
  };

  for (const kind of ["network", "image", "disk"] as const) {
    for (const record of records[kind] as readonly ObjectRecord<"disk">[]) {
      const name = `${kind} ${record.spec.name}`;
      hold(record.deletedAt === undefined, `${name} is still being deleted`);
      hold(
        record.status.phase === "ready",
        `${name} is ${record.status.phase}: ${record.status.message}`,
      );
      hold(record.observedRevision === record.specRevision, `${name} is not at its revision`);
    }
  }
  const ids = (kind: "network" | "image" | "disk") => records[kind].map(({ id }) => id);
  same(world.networks.networks.keys(), ids("network"), "networks on the host");
  same(world.disks.files.keys(), ids("disk"), "files of disks");
  same(world.images.files.keys(), ids("image"), "files of images");
  for (const [id, { whole }] of world.networks.networks) hold(whole, `network ${id} is broken`);
  for (const { id, spec, status, internal } of records.disk) {
    const file = world.disks.files.get(id);
    hold(file?.health === "whole", `the file of ${spec.name} is ${file?.health}`);
    hold(file?.sizeBytes === status.size_bytes, `${spec.name} has ${file?.sizeBytes} bytes`);
    hold(status.size_bytes >= (spec.size ?? 0), `${spec.name} has not grown`);
    const owner = records.vm.find((vm) => vm.id === internal.ownerVmId);
    const known = [
      ...Object.values(owner?.internal.disks ?? {}),
      ...Object.values(owner?.internal.boot?.disks ?? {}),
    ];
    hold(internal.ownerVmId === undefined || known.includes(id), `${spec.name} is nobody's`);
  }

  const expectedNics = new Map<string, string>();
  const running: string[] = [];
  const machines = await world.machines();
  for (const record of records.vm) {
    const { id, spec, status, internal } = record;
    const name = `VM ${spec.name}`;
    hold(record.deletedAt === undefined, `${name} is still being deleted`);
    const off = internal.offAtRevision === record.specRevision;
    const wanted = spec.power_state === "running" && !off;
    hold(
      status.phase === (wanted ? "running" : "stopped"),
      `${name} is ${status.phase}: ${status.message}`,
    );
    hold(record.observedRevision === record.specRevision, `${name} is not at its revision`);
    hold(!internal.stopping, `${name} is still being stopped`);
    hold(
      (internal.boot !== undefined) === wanted,
      `${name} has a boot and should not, or the other way`,
    );
    if (!internal.boot) continue;
    running.push(id);
    const config = world.hypervisor.config(id);
    const machine = machines.find(({ vmId }) => vmId === id);
    hold(machine?.state === "running", `the guest of ${name} is ${machine?.state}`);
    hold(config?.bootId === status.boot_id, `${name} runs another boot than it says`);
    hold(
      config?.memoryBytes === internal.boot.spec.memory,
      `${name} has another memory than it says`,
    );
    same(
      config?.disks.map(({ diskId }) => diskId) ?? [],
      Object.values(internal.boot.disks),
      `disks of ${name}`,
    );
    const waiting = changes(VmSpec, internal.boot.spec, spec).filter(
      ({ update }) => update === "restart",
    );
    same(
      status.restart_required,
      waiting.map(({ path }) => path.join(".")),
      `restart_required of ${name}`,
    );
    if (waiting.length === 0) {
      same(
        Object.values(internal.boot.disks),
        Object.values(diskIds(spec, internal)),
        `wish of ${name}`,
      );
      hold(
        isDeepStrictEqual(internal.boot.nics, internal.nics),
        `${name} has other interfaces than its wish`,
      );
    }
    for (const [nic, { mac }] of Object.entries(internal.boot.nics))
      expectedNics.set(`${id}/${nic}`, mac);
  }
  same(
    machines.map(({ vmId }) => vmId),
    running,
    "guests on the host",
  );
  same(world.networks.nics.keys(), expectedNics.keys(), "interfaces on the host");
  for (const [key, { config, whole }] of world.networks.nics) {
    hold(whole && config.mac === expectedNics.get(key), `interface ${key} is not as it must be`);
  }
  const claims = new Map((await store.claims("")).map(({ key, holder }) => [key, holder?.id]));
  for (const { config } of world.networks.nics.values()) {
    const keys = [
      `mac:${config.mac}`,
      config.ipv4Address && `ipv4:${config.networkId}/${config.ipv4Address}`,
    ];
    for (const key of keys) {
      hold(!key || claims.get(key) === config.vmId, `a guest has ${key}, and its VM does not`);
    }
  }
  for (const { vmId } of machines) {
    for (const { diskId } of world.hypervisor.config(vmId)?.disks ?? []) {
      hold(
        claims.get(`attachment:${diskId}`) === vmId,
        `a guest has the disk ${diskId}, and its VM does not`,
      );
    }
  }
  const vmIds = new Set(records.vm.map(({ id }) => id));
  for (const id of world.hypervisor.firmware) hold(vmIds.has(id), `firmware of ${id} is left over`);
  for (const id of world.hypervisor.ended.keys())
    hold(vmIds.has(id), `output of ${id} is left over`);
  const addresses = records.vm.flatMap(({ id, internal }) => {
    const own = allocationsOf(internal).map(
      ({ network_id, ipv4_address }) => `${network_id}/${ipv4_address}`,
    );
    return [...new Set(own)]
      .filter((address) => !address.endsWith("/undefined"))
      .map((address) => ({ id, address }));
  });
  hold(
    new Set(addresses.map(({ address }) => address)).size === addresses.length,
    "an address is given twice",
  );
  found.push(...(await strayClaims(world, records)));
  return found;
}

/** The claims in the store that do not follow from the records, and the other way about. */
async function strayClaims(
  world: World,
  records: { readonly [K in KindName]: readonly ObjectRecord<K>[] },
): Promise<string[]> {
  const { store, clock } = world;
  const entries: Entry[] = [
    ...records.network.map(networkEntry),
    ...records.address_pool.map(addressPoolEntry),
    ...records.image.map(imageEntry),
    ...records.disk.map(diskEntry),
    ...(await Promise.all(records.vm.map((record) => vmEntry(store, record)))),
  ];
  const expected = entries.flatMap(({ record, claims }) =>
    claims.map(({ key }) => `${key} of ${record.kind}/${record.id}`),
  );
  const claims = await store.claims("");
  const held = claims
    .filter(({ holder }) => holder)
    .map(({ key, holder }) => `${key} of ${holder!.kind}/${holder!.id}`);
  const stale = claims.filter(({ freeAt }) => freeAt !== undefined && freeAt <= clock.now());
  const difference = new Set(held).symmetricDifference(new Set(expected));
  return [
    ...[...difference].map((claim) => `claim ${claim} is stray or missing`),
    ...stale.map(({ key }) => `claim ${key} still cools down`),
  ];
}

/** Watches the phases of all VMs of a store, and tells every change that may not be. */
export function watchPhases(store: Store, signal: AbortSignal): string[] {
  const wrong: string[] = [];
  const last = new Map<string, ObjectRecord<"vm">["status"]["phase"]>();
  void (async () => {
    for await (const change of store.watch("vm", 0, signal)) {
      if (change.type === "delete") last.delete(change.reference.id);
      if (change.type !== "put") continue;
      const { id, status } = change.record as ObjectRecord<"vm">;
      const before = last.get(id);
      if (before !== undefined && !mayFollow(before, status.phase))
        wrong.push(`${before} -> ${status.phase}`);
      last.set(id, status.phase);
    }
  })();
  return wrong;
}
