import type { ImageFiles, Resources } from "../../harness/acceptance/kind.ts";

/** What instances of all kinds refer to. Their own networks are 10.1.0.0/16 to 10.249.0.0/16. */
export const furniture = ({ small, other }: ImageFiles): Resources => ({
  "lodge_network.lan": {
    name: "lan",
    subnets: { main: { cidr: "10.250.0.0/16" }, second: { cidr: "10.251.0.0/16" } },
  },
  "lodge_network.other": { name: "other", subnets: { main: { cidr: "10.252.0.0/16" } } },
  "lodge_address_pool.lan": {
    name: "lan",
    network_id: "${lodge_network.lan.id}",
    subnet: "main",
    ranges: ["10.250.255.0-10.250.255.250"],
    cooldown: "0s",
  },
  "lodge_address_pool.other": {
    name: "other",
    network_id: "${lodge_network.other.id}",
    subnet: "main",
    ranges: ["10.252.255.0-10.252.255.250"],
    cooldown: "0s",
  },
  "lodge_image.small": { name: "small", host_path: small },
  "lodge_image.other": { name: "other", host_path: other },
});

/** The images of a guest that boots. */
export const guestImages = ({ kernel, initrd }: ImageFiles): Resources => ({
  "lodge_image.kernel": { name: "kernel", host_path: kernel },
  "lodge_image.initrd": { name: "initrd", host_path: initrd },
});
