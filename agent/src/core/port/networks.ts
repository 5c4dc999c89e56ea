import type { Duplex } from "node:stream";

/** A network as the host must have it. */
export interface NetworkConfig {
  readonly networkId: string;
  readonly subnets: readonly {
    readonly name: string;
    readonly cidr: string;
    readonly gateway: string;
    readonly dnsServers: readonly string[];
  }[];
}

/** An interface of a guest as the host must have it. */
export interface NicConfig {
  readonly vmId: string;
  readonly vmName: string;
  readonly nic: string;
  readonly networkId: string;
  readonly mac: string;
  /** Absent: unmanaged addressing, so only the MAC address is held against spoofing. */
  readonly ipv4Address?: string;
}

/** A guest took the address that it was given. `at`: milliseconds since 1970, exact to a second. */
export interface Acknowledgement {
  readonly networkId: string;
  readonly mac: string;
  readonly ipv4Address: string;
  readonly at: number;
}

/** Bridges, interfaces, DHCP and address translation. Declarative: `set` may be repeated and mends what is missing. */
export interface Networks {
  /** The name of a network's bridge. */
  bridge(networkId: string): string;
  /** Throws FAILED_PRECONDITION (reason BRIDGE_TAKEN) where a link of that name is not ours. */
  set(network: NetworkConfig, signal: AbortSignal): Promise<void>;
  delete(networkId: string, signal: AbortSignal): Promise<void>;
  /** Ids of the networks of which anything is on the host. */
  list(): Promise<readonly string[]>;
  /** The interface's tap on its bridge, guarded against spoofing, and its DHCP reservation. */
  plug(nic: NicConfig, signal: AbortSignal): Promise<void>;
  /** Nothing of it there is success. */
  unplug(vmId: string, nic: string, signal: AbortSignal): Promise<void>;
  /** The interfaces of which anything is on the host. */
  listNics(): Promise<readonly { readonly vmId: string; readonly nic: string }[]>;
  /** The acknowledgements that a network has seen, the newest of each MAC address. */
  acknowledgements(networkId: string): Promise<readonly Acknowledgement[]>;
  /** Calls the listener with each acknowledgement. One from before the agent's start comes again when its network is set. */
  onAcknowledgement(listener: (acknowledgement: Acknowledgement) => void): () => void;
  /** Calls the listener with the id of a network whose services ended by themselves; `set` mends them. */
  onBroken(listener: (networkId: string) => void): () => void;
  /** A TCP connection to a guest. Throws UNAVAILABLE (reason GUEST_UNREACHABLE) with the cause. */
  connect(
    networkId: string,
    ipv4Address: string,
    port: number,
    signal: AbortSignal,
  ): Promise<Duplex>;
}
