/** What the configurations of VMs are put together from. */
import type { Place, Resources } from "../../harness/acceptance/kind.ts";

export const lan = { network_id: "${lodge_network.lan.id}" };
export const pooled = { ...lan, ipv4_pool_id: "${lodge_address_pool.lan.id}" };
export const other = {
  network_id: "${lodge_network.other.id}",
  ipv4_pool_id: "${lodge_address_pool.other.id}",
};
export const mac = ({ n }: Place, last: number) =>
  `52:54:00:00:${n.toString(16).padStart(2, "0")}:0${last}`;

/** Two disks of the VM's own use. */
export const disks = ({ name }: Place): Resources => ({
  [`lodge_disk.${name}-a`]: { name: `${name}-a`, size: "1MiB" },
  [`lodge_disk.${name}-b`]: { name: `${name}-b`, size: "1MiB" },
});
export const disk = ({ name }: Place, letter: "a" | "b") => ({
  disk_id: `\${lodge_disk.${name}-${letter}.id}`,
});

export const small = { size: "1MiB" };
export const off = { memory: "96MiB", power_state: "stopped" };
