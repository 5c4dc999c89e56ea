/** VMs of the benchmarks, made through an agent, and the moments of their lives. */
import { createClient, connect } from "@lodge/schemas/rpc/client.ts";
import { readIdentity } from "@lodge/schemas/rpc/tls.ts";
import { VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Item } from "@lodge/schemas/kind-client.ts";
import { VmSpec } from "@lodge/schemas/spec/vm.ts";
import { randomUUID } from "node:crypto";
import { guestCommandLine } from "../../scripts/guest/command-line.ts";
import type { TestAgent } from "../harness/agent.ts";
import { smallGuest } from "../harness/lodge.ts";

export const memoryBytes = 128 * 2 ** 20;
export const diskBytes = 64 * 2 ** 20;

/** The ids of what the VMs of a benchmark share. */
export interface Shared {
  readonly networkId: string;
  readonly poolId: string;
  readonly kernelId: string;
  readonly initrdId: string;
}

const never = new AbortController().signal;

/** Puts a network, a pool and the guest's images, and waits until all are ready. */
export async function shareOn(agent: TestAgent): Promise<Shared> {
  const { kernel, initrd } = await smallGuest();
  const [networks, pools, images] = [
    await agent.client("network"),
    await agent.client("address_pool"),
    await agent.client("image"),
  ];
  const shared = {
    networkId: randomUUID(),
    poolId: randomUUID(),
    kernelId: randomUUID(),
    initrdId: randomUUID(),
  };
  const subnets = { main: { cidr: "10.20.0.0/24", dns_servers: [] } };
  await networks.put({ id: shared.networkId, spec: { name: "bench", mode: "nat", subnets } });
  const ranges = ["10.20.0.10-10.20.0.250"];
  await pools.put({
    id: shared.poolId,
    spec: { name: "bench", network_id: shared.networkId, subnet: "main", ranges, cooldown: 0 },
  });
  await images.put({ id: shared.kernelId, spec: { name: "kernel", host_path: kernel } });
  await images.put({ id: shared.initrdId, spec: { name: "initrd", host_path: initrd } });
  for (const client of [networks, images]) await allReady(client);
  return shared;
}

async function allReady(client: {
  list(ids: readonly string[]): Promise<readonly Item<"network" | "image">[]>;
}): Promise<void> {
  for (;;) {
    const items = await client.list([]);
    const failed = items.find(({ status }) => status.phase === "failed");
    if (failed) throw new Error(failed.status.message);
    if (items.every(({ status }) => status.phase === "ready")) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The spec of a VM like the bare ones. */
export function benchVm(name: string, shared: Shared): VmSpec {
  return VmSpec.parse({
    name,
    memory: `${memoryBytes}B`,
    kernel: {
      image_id: shared.kernelId,
      initrd_image_id: shared.initrdId,
      command_line: guestCommandLine,
    },
    disks: { data: { size: `${diskBytes}B` } },
    nics: { eth0: { network_id: shared.networkId, ipv4_pool_id: shared.poolId } },
    shutdown_timeout: "0s",
  });
}

/** Milliseconds from Put to its moments; `exec` is the agent's own account. */
export interface VmTimes {
  readonly exec: number;
  readonly firstLine: number;
  readonly acknowledged: number;
}

/** Makes a VM, measures its moments, and deletes it. */
export async function timeVm(agent: TestAgent, name: string, shared: Shared): Promise<VmTimes> {
  const vms = await agent.client("vm");
  const id = randomUUID();
  const begin = performance.now();
  await vms.put({ id, spec: benchVm(name, shared) });
  const [firstLine, acknowledged] = await Promise.all([
    firstConsoleLine(agent, id).then(() => performance.now() - begin),
    until(
      vms.watch({ id }, { timeoutMs: Infinity, signal: never }),
      ({ status }) => status.nic_status[0]?.acknowledged === true,
    ).then(() => performance.now() - begin),
  ]);
  const { status } = await vms.get({ id }, false);
  await vms.delete(id);
  await until(vms.watch({ id }, { timeoutMs: Infinity, signal: never }), () => false);
  return { exec: millisecondsToExec(status.events), firstLine, acknowledged };
}

async function until(
  events: ReturnType<Awaited<ReturnType<typeof vmClient>>["watch"]>,
  done: (item: Item<"vm">) => boolean,
): Promise<void> {
  let seen = false;
  for await (const event of events) {
    if (event.type === "put") seen = true;
    if (event.type === "put" && done(event.item)) return;
    if (event.type === "delete" || (event.type === "synced" && !seen)) return;
  }
}

const vmClient = (agent: TestAgent) => agent.client("vm");

async function firstConsoleLine(agent: TestAgent, vmId: string): Promise<void> {
  const { socket, caCertificate, clientCertificate, clientKey, name } = agent.files;
  const identity = await readIdentity({
    ca: caCertificate,
    certificate: clientCertificate,
    key: clientKey,
  });
  using transport = connect({
    address: `unix:${socket}`,
    security: { ...identity, serverName: name },
  });
  const client = createClient(VmService, transport);
  const stop = new AbortController();
  async function* open() {
    yield { part: { case: "open" as const, value: { vmId } } };
    await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }));
  }
  try {
    for await (const { output } of client.console(open(), { timeoutMs: Infinity })) {
      if (output.includes(10)) return;
    }
  } finally {
    stop.abort();
  }
}

/** What the agent says of its own time, in the entry of its log that tells of the first start. */
function millisecondsToExec(events: Item<"vm">["status"]["events"]): number {
  const entry = events.find(({ type }) => type === "started");
  const match = /([0-9]+) ms after /u.exec(entry?.message ?? "");
  if (!match)
    throw new Error(`the VM's log does not tell when it was started: ${JSON.stringify(events)}`);
  return Number(match[1]);
}
