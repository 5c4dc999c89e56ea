import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where an agent keeps things. All paths derive from two directories and from ids. */
export interface Layout {
  /** What must survive the host: the store, images, disks. */
  readonly stateDir: string;
  /** What may vanish with the host: sockets, leases, console logs. Short, for the limit of 107 bytes of a socket's path. */
  readonly runDir: string;
}

export const paths = {
  store: ({ stateDir }: Layout): string => join(stateDir, "store.db"),
  images: ({ stateDir }: Layout): string => join(stateDir, "images"),
  image: (layout: Layout, imageId: string): string => join(paths.images(layout), imageId),
  disks: ({ stateDir }: Layout): string => join(stateDir, "disks"),
  disk: (layout: Layout, diskId: string): string => join(paths.disks(layout), `${diskId}.qcow2`),
  firmwareVariables: ({ stateDir }: Layout, vmId: string): string =>
    join(stateDir, "firmware", `${vmId}.fd`),
  vms: ({ runDir }: Layout): string => join(runDir, "vm"),
  vm: (layout: Layout, vmId: string): string => join(paths.vms(layout), vmId),
  /** The monitor of the agent. */
  qmp: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qmp.sock"),
  /** A second monitor, for people who debug: a monitor serves one client at a time. */
  debugMonitor: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), "debug.sock"),
  console: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "console.sock"),
  consoleLog: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "console.log"),
  qemuLog: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qemu.log"),
  qemuProcess: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), "process.json"),
  networks: ({ runDir }: Layout): string => join(runDir, "network"),
  network: (layout: Layout, networkId: string): string => join(paths.networks(layout), networkId),
  leases: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "leases"),
} as const;

/** Short and stable: what a name that the kernel limits to 15 bytes can carry of ids. */
function digest(...parts: readonly string[]): string {
  return createHash("sha256").update(parts.join("/")).digest("hex").slice(0, 11);
}

/** The names of links, namespaces and tables of ours, 15 bytes at most. */
export const links = {
  bridge: (networkId: string): string => `lgb-${digest(networkId)}`,
  /** The end of the veth pair on the bridge; its other end is `eth0` in the namespace. */
  veth: (networkId: string): string => `lgv-${digest(networkId)}`,
  namespace: (networkId: string): string => `lodge-${digest(networkId)}`,
  table: (networkId: string): string => `lodge_${digest(networkId)}`,
  tap: (vmId: string, nic: string): string => `lgt-${digest(vmId, nic)}`,
} as const;
