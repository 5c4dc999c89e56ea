import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { createNetworkOperations } from "../../agent/src/host-ops/network-operations.ts";
import { exec } from "../../agent/src/lib/exec.ts";
import type { NetworkOperation, NicOperation } from "../../agent/src/lib/host-operations.ts";
import { links, paths, type Layout } from "../../agent/src/lib/layout.ts";
import { parseLeases, type Lease } from "../../agent/src/lib/leases.ts";
import { identify, isAlive, type ProcessIdentity } from "../../agent/src/lib/process.ts";
import { macOf } from "../../schemas/src/spec/address.ts";
import { Guest } from "./guest.ts";
import { assertInside } from "./namespace.ts";
import { programName } from "./program-name.ts";

/** A host with the root operations for networks, and what a test wants to know of it. Ends all it made. */
export class TestHost implements AsyncDisposable {
  readonly layout: Layout = { stateDir: "/run/state", runDir: "/run/lodge" };
  readonly operations = createNetworkOperations(this.layout);
  readonly signal: AbortSignal = new AbortController().signal;
  readonly #networks: string[] = [];
  readonly #nics: NicOperation[] = [];
  readonly #guests: AsyncDisposable[] = [];

  constructor() {
    assertInside();
  }

  /** A network whose first subnet is `10.20.NUMBER.0/24`, not yet set. */
  network(number: number, changes: Partial<NetworkOperation> = {}): NetworkOperation {
    const networkId = randomUUID();
    this.#networks.push(networkId);
    return {
      networkId,
      subnets: [
        {
          name: "main",
          cidr: `10.20.${number}.0/24`,
          gateway: `10.20.${number}.1`,
          dnsServers: ["192.0.2.53"],
        },
      ],
      ...changes,
    };
  }

  /** An interface with an address on the network, not yet set. */
  nic(network: NetworkOperation, last: number, changes: Partial<NicOperation> = {}): NicOperation {
    const ipv4Address = network.subnets[0]!.gateway.replace(/\.\d+$/, `.${last}`);
    const nic = {
      vmId: randomUUID(),
      vmName: `web-${last}`,
      nic: "eth0",
      networkId: network.networkId,
      mac: macOf(ipv4Address),
      ipv4Address,
      ...changes,
    };
    this.#nics.push(nic);
    return nic;
  }

  async setNetwork(number: number): Promise<NetworkOperation> {
    const network = this.network(number);
    await this.operations.setNetwork(network, this.signal);
    return network;
  }

  async setNic(
    network: NetworkOperation,
    last: number,
    changes: Partial<NicOperation> = {},
  ): Promise<NicOperation> {
    const nic = this.nic(network, last, changes);
    await this.operations.setNic(nic, this.signal);
    return nic;
  }

  /** A guest on the interface's tap, without an address yet. */
  async guest(nic: NicOperation): Promise<Guest> {
    const guest = await Guest.plug(links.tap(nic.vmId, nic.nic), nic.mac);
    this.#guests.push(guest);
    return guest;
  }

  /** A guest that has its address by DHCP. */
  async booted(network: NetworkOperation, last: number): Promise<Guest> {
    const guest = await this.guest(await this.setNic(network, last));
    if ((await guest.dhcp()) === undefined) throw new Error("the guest got no address");
    return guest;
  }

  leases(networkId: string): Lease[] {
    const path = paths.leases(this.layout, networkId);
    return existsSync(path) ? parseLeases(readFileSync(path, "utf8")) : [];
  }

  dnsmasqPid(networkId: string): number {
    return Number(readFileSync(paths.dnsmasqPid(this.layout, networkId), "utf8"));
  }

  /** Whether the dnsmasq of the network that is written down runs. */
  dnsmasqRuns(networkId: string): boolean {
    const path = paths.dnsmasqProcess(this.layout, networkId);
    if (!existsSync(path)) return false;
    return isAlive(JSON.parse(readFileSync(path, "utf8")) as ProcessIdentity);
  }

  /** Kills the dnsmasq of the network that is written down, and waits for its end. */
  async killDnsmasq(networkId: string): Promise<void> {
    process.kill(this.dnsmasqPid(networkId), "SIGKILL");
    while (this.dnsmasqRuns(networkId)) await sleep(1);
  }

  /** All that the operations could leave: links, namespaces, tables with the handles of their rules, files, processes. */
  async everything(): Promise<Record<string, unknown>> {
    const { stdout: addresses } = await exec("ip", ["-json", "address"]);
    return {
      links: JSON.parse(addresses),
      namespaces: readdirSync("/run/netns").toSorted(),
      tables: await this.tables(),
      files: files(this.layout.runDir),
      processes: processes(),
    };
  }

  async tables(): Promise<string> {
    return (await exec("nft", ["--handle", "list", "ruleset"])).stdout;
  }

  /** Ends guests, interfaces and networks, in this order. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const guest of this.#guests.splice(0)) await guest[Symbol.asyncDispose]();
    for (const nic of this.#nics.splice(0)) await this.operations.deleteNic(nic, this.signal);
    for (const id of this.#networks.splice(0)) await this.operations.deleteNetwork(id, this.signal);
  }
}

function files(directory: string): string[] {
  if (!existsSync(directory)) return [];
  // Logs come a moment after what they tell of, and only where there is something to tell.
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((name) => !/\/dnsmasq\.(?:log|old)$/.test(name))
    .toSorted();
}

/** Of the programs that the operations start: those that run, not those whose end nobody has taken note of yet. */
function processes(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && identify(Number(name)))
    .map((pid) => [pid, programName(pid)] as const)
    .filter(([, name]) => ["dnsmasq", "nsenter", "ip", "nft"].includes(name))
    .map(([pid, name]) => `${pid} ${name}`);
}
