import { duplexPair, type Duplex } from "node:stream";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { Faults } from "./faults.fake.ts";
import type { Acknowledgement, NetworkConfig, Networks, NicConfig } from "./networks.ts";

type Method = Exclude<keyof Networks, "bridge" | "onAcknowledgement" | "onBroken">;
type FakeNetwork = {
  config: NetworkConfig;
  /** Whether all of it is there and its services run. */
  whole: boolean;
  readonly acknowledgements: Map<string, Acknowledgement>;
};
type FakeNic = { config: NicConfig; whole: boolean };

/** What a guest does with a connection to one of its ports. */
export type GuestService = (connection: Duplex) => void;

export interface FakeNetworksOptions {
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Networks in memory. They outlive the agent as bridges do: give the same ones to the agent's next life. */
export class FakeNetworks implements Networks {
  readonly faults = new Faults<Method>();
  /** What is on the host of each network, by its id. */
  readonly networks = new Map<string, FakeNetwork>();
  /** What is on the host of each interface, by `VM-ID/NIC`. */
  readonly nics = new Map<string, FakeNic>();
  /** Networks under whose bridge's name the host has a link that is not ours. */
  readonly foreignBridges = new Set<string>();
  readonly #services = new Map<string, GuestService>();
  readonly #onAcknowledgement = new Set<(acknowledgement: Acknowledgement) => void>();
  readonly #onBroken = new Set<(networkId: string) => void>();
  readonly #now: () => number;

  constructor({ now = Date.now }: FakeNetworksOptions = {}) {
    this.#now = now;
  }

  bridge(networkId: string): string {
    return `lgb-${networkId.slice(-11)}`;
  }

  async set(config: NetworkConfig, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { networkId } = config;
    const put = (whole: boolean) => {
      if (this.foreignBridges.has(networkId)) {
        const name = this.bridge(networkId);
        throw lodgeError("BRIDGE_TAKEN", `The link ${name} exists and is not Lodge's.`, { name });
      }
      const before = this.networks.get(networkId);
      const acknowledgements = before?.acknowledgements ?? new Map<string, Acknowledgement>();
      this.networks.set(networkId, { config, whole, acknowledgements });
    };
    await this.faults.around(
      "set",
      () => put(true),
      () => put(false),
    );
  }

  async delete(networkId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around(
      "delete",
      () => {
        this.networks.delete(networkId);
      },
      () => {
        const network = this.networks.get(networkId);
        if (network) network.whole = false;
      },
    );
  }

  list(): Promise<readonly string[]> {
    return this.faults.around("list", () => [...this.networks.keys()].toSorted());
  }

  async plug(config: NicConfig, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const put = (whole: boolean) => {
      if (!this.networks.has(config.networkId)) {
        throw lodgeError(
          "REFERENCE_NOT_FOUND",
          `Network ${config.networkId} is not set up on this host.`,
          { kind: "network", id: config.networkId },
        );
      }
      this.nics.set(key(config.vmId, config.nic), { config, whole });
    };
    return this.faults.around(
      "plug",
      () => put(true),
      () => put(false),
    );
  }

  async unplug(vmId: string, nic: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    return this.faults.around(
      "unplug",
      () => {
        this.nics.delete(key(vmId, nic));
      },
      () => {
        const half = this.nics.get(key(vmId, nic));
        if (half) half.whole = false;
      },
    );
  }

  listNics(): Promise<readonly { readonly vmId: string; readonly nic: string }[]> {
    return this.faults.around("listNics", () =>
      [...this.nics.values()].map(({ config: { vmId, nic } }) => ({ vmId, nic })),
    );
  }

  acknowledgements(networkId: string): Promise<readonly Acknowledgement[]> {
    return this.faults.around("acknowledgements", () => [
      ...(this.networks.get(networkId)?.acknowledgements.values() ?? []),
    ]);
  }

  onAcknowledgement(listener: (acknowledgement: Acknowledgement) => void): () => void {
    this.#onAcknowledgement.add(listener);
    return () => this.#onAcknowledgement.delete(listener);
  }

  onBroken(listener: (networkId: string) => void): () => void {
    this.#onBroken.add(listener);
    return () => this.#onBroken.delete(listener);
  }

  async connect(
    networkId: string,
    ipv4Address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex> {
    signal.throwIfAborted();
    return this.faults.around("connect", () => {
      const service = this.#services.get(`${networkId}/${ipv4Address}:${port}`);
      if (!service) {
        throw lodgeError(
          "GUEST_UNREACHABLE",
          `The guest did not accept a connection to ${ipv4Address}:${port}.`,
        );
      }
      const [ours, guests] = duplexPair();
      service(guests);
      return ours;
    });
  }

  /**
   * The guest on this interface asks for its address, as at every boot. @returns whether it got it: the interface
   * must be plugged with an address, and the network's services must run.
   */
  boot(vmId: string, nic: string): boolean {
    const plugged = this.nics.get(key(vmId, nic));
    if (!plugged?.whole || plugged.config.ipv4Address === undefined) return false;
    const { networkId, mac, ipv4Address } = plugged.config;
    const network = this.networks.get(networkId);
    if (!network?.whole) return false;
    const at = Math.floor(this.#now() / 1000) * 1000;
    const acknowledgement = { networkId, mac, ipv4Address, at };
    network.acknowledgements.set(mac, acknowledgement);
    for (const listener of this.#onAcknowledgement) listener(acknowledgement);
    return true;
  }

  /** The network's services end by themselves. */
  break(networkId: string): void {
    const network = this.networks.get(networkId);
    if (!network) return;
    network.whole = false;
    for (const listener of this.#onBroken) listener(networkId);
  }

  /** A guest listens on a port. @returns what ends that. */
  serve(networkId: string, ipv4Address: string, port: number, service: GuestService): () => void {
    const name = `${networkId}/${ipv4Address}:${port}`;
    this.#services.set(name, service);
    return () => this.#services.delete(name);
  }
}

const key = (vmId: string, nic: string): string => `${vmId}/${nic}`;
