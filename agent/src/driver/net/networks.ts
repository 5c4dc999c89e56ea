import type { Duplex } from "node:stream";
import type {
  Acknowledgement,
  NetworkConfig,
  Networks,
  NicConfig,
} from "../../core/port/networks.ts";
import type { HostOperations } from "../../lib/host-operations.ts";
import { links, type Layout } from "../../lib/layout.ts";
import { connectToGuest } from "./connect.ts";
import { NetworkWatch, readAcknowledgements } from "./network-watch.ts";

/** What of the root operations networks need. */
type Operations = Pick<
  HostOperations,
  "setNetwork" | "deleteNetwork" | "listNetworks" | "setNic" | "deleteNic" | "listNics"
>;

/** How long the end of a service may stay unseen, in milliseconds. A look costs about 50 µs of processor time. */
const tickInterval = 1_000;

/** The networks of a host. Its directories are read where the root operations write them; all changes go through those. */
export class HostNetworks implements Networks, Disposable {
  readonly #operations: Operations;
  readonly #layout: Layout;
  readonly #watches = new Map<string, NetworkWatch>();
  readonly #busy = new Map<string, number>();
  readonly #onAcknowledgement = new Set<(acknowledgement: Acknowledgement) => void>();
  readonly #onBroken = new Set<(networkId: string) => void>();
  readonly #timer: NodeJS.Timeout;

  constructor(operations: Operations, layout: Layout) {
    this.#operations = operations;
    this.#layout = layout;
    this.#timer = setInterval(() => this.#tick(), tickInterval);
    this.#timer.unref();
  }

  bridge(networkId: string): string {
    return links.bridge(networkId);
  }

  async set(network: NetworkConfig, signal: AbortSignal): Promise<void> {
    const { networkId } = network;
    await this.#whileBusy(networkId, () => this.#operations.setNetwork(network, signal));
    this.#watch(networkId);
  }

  async delete(networkId: string, signal: AbortSignal): Promise<void> {
    this.#watches.get(networkId)?.close();
    this.#watches.delete(networkId);
    await this.#operations.deleteNetwork(networkId, signal);
  }

  list(): Promise<readonly string[]> {
    return this.#operations.listNetworks();
  }

  plug(nic: NicConfig, signal: AbortSignal): Promise<void> {
    return this.#whileBusy(nic.networkId, () => this.#operations.setNic(nic, signal));
  }

  unplug(vmId: string, nic: string, signal: AbortSignal): Promise<void> {
    return this.#operations.deleteNic({ vmId, nic }, signal);
  }

  listNics(): Promise<readonly { readonly vmId: string; readonly nic: string }[]> {
    return this.#operations.listNics();
  }

  async acknowledgements(networkId: string): Promise<readonly Acknowledgement[]> {
    return readAcknowledgements(this.#layout, networkId);
  }

  onAcknowledgement(listener: (acknowledgement: Acknowledgement) => void): () => void {
    this.#onAcknowledgement.add(listener);
    return () => this.#onAcknowledgement.delete(listener);
  }

  onBroken(listener: (networkId: string) => void): () => void {
    this.#onBroken.add(listener);
    return () => this.#onBroken.delete(listener);
  }

  connect(
    _networkId: string,
    ipv4Address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex> {
    // Subnets of a host do not overlap, so the address alone leads to its bridge.
    return connectToGuest(ipv4Address, port, signal);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    for (const watch of this.#watches.values()) watch.close();
    this.#watches.clear();
  }

  #watch(networkId: string): void {
    if (this.#watches.has(networkId)) return;
    const watch = new NetworkWatch(this.#layout, networkId, {
      acknowledged: (acknowledgement) => {
        for (const listener of this.#onAcknowledgement) listener(acknowledgement);
      },
      broken: () => {
        for (const listener of this.#onBroken) listener(networkId);
      },
    });
    this.#watches.set(networkId, watch);
  }

  #tick(): void {
    for (const [networkId, watch] of this.#watches) watch.tick(this.#busy.has(networkId));
  }

  async #whileBusy<T>(networkId: string, task: () => Promise<T>): Promise<T> {
    this.#busy.set(networkId, (this.#busy.get(networkId) ?? 0) + 1);
    try {
      return await task();
    } finally {
      const left = this.#busy.get(networkId)! - 1;
      if (left === 0) this.#busy.delete(networkId);
      else this.#busy.set(networkId, left);
    }
  }
}
