/**
 * The root operations, typed: bridges, taps, tables, namespaces, dnsmasq and QEMU processes. They take ids and
 * validated values, never paths. A development agent runs them in its own process, inside its own namespaces.
 * Everything that `set…` makes carries its owner, so that it is told from what others made under the same name.
 */
import type { MachineConfig } from "./machine-config.ts";

export interface HostOperations {
  /** The network's bridge, its routers' addresses, our nftables table, its namespace with a veth pair, and dnsmasq. */
  setNetwork(network: NetworkOperation, signal: AbortSignal): Promise<void>;
  /** Ends all of that; nothing there is success. */
  deleteNetwork(networkId: string, signal: AbortSignal): Promise<void>;
  listNetworks(): Promise<readonly string[]>;
  /** The tap on its bridge with its anti-spoofing chain, and the DHCP reservation. */
  setNic(nic: NicOperation, signal: AbortSignal): Promise<void>;
  deleteNic(
    nic: { readonly vmId: string; readonly nic: string },
    signal: AbortSignal,
  ): Promise<void>;
  listNics(): Promise<readonly { readonly vmId: string; readonly nic: string }[]>;
  /** Starts QEMU with its own session, sandboxed, without privileges. It outlives the caller. */
  startQemu(machine: MachineConfig, signal: AbortSignal): Promise<QemuProcess>;
  /** SIGKILL, and its run-time files removed but for what the guest printed; nothing there is success. */
  stopQemu(vmId: string, signal: AbortSignal): Promise<void>;
  /** The QEMU processes that were started and not yet removed, ended ones included. */
  listQemu(): Promise<readonly QemuProcess[]>;
  /**
   * Removes what is kept of a VM that does not run: the variables of its UEFI firmware, and what its last guest printed.
   * Nothing there is success.
   */
  deleteKept(vmId: string): Promise<void>;
  /** The VMs of which something is kept, whether they run or not. */
  listKept(): Promise<readonly string[]>;
}

export interface NetworkOperation {
  readonly networkId: string;
  readonly subnets: readonly {
    readonly name: string;
    readonly cidr: string;
    readonly gateway: string;
    readonly dnsServers: readonly string[];
  }[];
}

export interface NicOperation {
  readonly vmId: string;
  readonly vmName: string;
  readonly nic: string;
  readonly networkId: string;
  readonly mac: string;
  readonly ipv4Address?: string;
}

/** A process that can be recognised for certain: a pid is used again, a pid with its start time is not. */
export interface QemuProcess {
  readonly vmId: string;
  /** The machine's boot that the caller named; empty where the process ended before it could be recorded. */
  readonly bootId: string;
  /** 0 where the process ended before it could be recorded. */
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks since the machine booted. */
  readonly startTime: number;
  readonly accelerator: "kvm" | "tcg";
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** False once the process has ended (a zombie has ended). */
  readonly alive: boolean;
  /** How it ended, where the process that started it was there to see that. */
  readonly exit?: { readonly code: number | null; readonly signal: string | null };
}
