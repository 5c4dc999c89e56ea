import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where an agent keeps things. All paths derive from two directories and from ids. */
export interface Layout {
  /** What must survive the host: the store, images, disks. */
  readonly stateDir: string;
  /** What may vanish with the host: sockets, leases, console logs. Short, for the limit of 107 bytes of a socket's path. */
  readonly runDir: string;
}

/** The two files of what a guest printed: the last of it, and what came before that, of a fixed length. */
export const consoleFiles = { log: "console.log", old: "console.old" } as const;

export const paths = {
  store: ({ stateDir }: Layout): string => join(stateDir, "store.db"),
  images: ({ stateDir }: Layout): string => join(stateDir, "images"),
  image: (layout: Layout, imageId: string): string => join(paths.images(layout), imageId),
  /** What is known of an image: without this file it does not exist. */
  imageFacts: (layout: Layout, imageId: string): string => `${paths.image(layout, imageId)}.json`,
  disks: ({ stateDir }: Layout): string => join(stateDir, "disks"),
  disk: (layout: Layout, diskId: string): string => join(paths.disks(layout), `${diskId}.qcow2`),
  firmware: ({ stateDir }: Layout): string => join(stateDir, "firmware"),
  firmwareVariables: (layout: Layout, vmId: string): string =>
    join(paths.firmware(layout), `${vmId}.fd`),
  /** What was found out about this machine's QEMU, so that it need not be found out again. */
  qemuProbe: ({ stateDir }: Layout): string => join(stateDir, "qemu-probe.json"),
  vms: ({ runDir }: Layout): string => join(runDir, "vm"),
  vm: (layout: Layout, vmId: string): string => join(paths.vms(layout), vmId),
  /** The monitor of the agent. */
  qmp: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qmp.sock"),
  /** A second monitor, for people who debug: a monitor serves one client at a time. */
  debugMonitor: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), "debug.sock"),
  /** What QEMU calls the pair of pipes `console.in` and `console.out`: what is typed, and what the guest prints. */
  console: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "console"),
  consoleInput: (layout: Layout, vmId: string): string => `${paths.console(layout, vmId)}.in`,
  consoleLog: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), consoleFiles.log),
  consoleOld: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), consoleFiles.old),
  /** What QEMU itself said last. */
  qemuLog: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qemu.log"),
  /** What it said before that, of a fixed length. */
  qemuOld: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qemu.old"),
  /** QEMU writes it, and locks it: a second one in the same directory ends. */
  qemuPid: (layout: Layout, vmId: string): string => join(paths.vm(layout, vmId), "qemu.pid"),
  qemuProcess: (layout: Layout, vmId: string): string =>
    join(paths.vm(layout, vmId), "process.json"),
  allEnded: ({ runDir }: Layout): string => join(runDir, "ended"),
  /** What a guest that has ended printed, until its VM boots again or is deleted. */
  ended: (layout: Layout, vmId: string): string => join(paths.allEnded(layout), vmId),
  networks: ({ runDir }: Layout): string => join(runDir, "network"),
  network: (layout: Layout, networkId: string): string => join(paths.networks(layout), networkId),
  /** What the network was last set to. */
  networkRecord: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "network.json"),
  leases: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "leases"),
  /** One file per reservation; dnsmasq notices new ones by itself. */
  reservations: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "reservations"),
  dnsmasqConfig: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.conf"),
  dnsmasqPid: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.pid"),
  /** The named pipe that dnsmasq logs to. */
  dnsmasqLogPipe: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.out"),
  dnsmasqLog: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.log"),
  /** The log before it was full. */
  dnsmasqOldLog: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.old"),
  /** The dnsmasq that was started: its pid, its start time, and what it was started with. */
  dnsmasqProcess: (layout: Layout, networkId: string): string =>
    join(paths.network(layout, networkId), "dnsmasq.json"),
  nics: ({ runDir }: Layout): string => join(runDir, "nic"),
  nicsOf: (layout: Layout, vmId: string): string => join(paths.nics(layout), vmId),
  /** What the interface was last set to. */
  nicRecord: (layout: Layout, vmId: string, nic: string): string =>
    join(paths.nicsOf(layout, vmId), `${nic}.json`),
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
  /** The table that guards a tap against spoofing. */
  guard: (vmId: string, nic: string): string => `lodge_${digest(vmId, nic)}`,
} as const;

/** Every bridge of ours has a name that begins like this. */
export const bridgePrefix = "lgb-";

/** What tells a link of ours from another's of the same name: its alias. */
export const aliases = {
  network: (networkId: string): string => `lodge:network:${networkId}`,
  nic: (vmId: string, nic: string): string => `lodge:nic:${vmId}:${nic}`,
} as const;

/** The MAC addresses of links of ours: locally administered, stable, never those of guests. */
export const macs = {
  bridge: (networkId: string): string => mac("bridge", networkId),
  veth: (networkId: string): string => mac("veth", networkId),
  /** The end of the veth pair in the network's namespace, where the network's services are. */
  services: (networkId: string): string => mac("services", networkId),
} as const;

function mac(role: string, networkId: string): string {
  return ["02", ...digest(role, networkId).slice(0, 10).match(/../g)!].join(":");
}

/** Where guests reach the services of their network, whatever their subnet. */
export const servicesAddress = "169.254.169.254";
