import type { Refusal } from "../../harness/acceptance/kind.ts";
import { disk, disks, lan, mac, off, pooled, small } from "./vm-parts.ts";

const nowhere = "00000000-0000-4000-8000-000000000000";

/** What no VM can be. */
export const vmRefusals: readonly Refusal[] = [
  {
    title: "a size without a unit",
    config: { memory: "1024" },
    at: "memory",
    says: /IEC unit such as/u,
  },
  {
    title: "a size with a decimal unit",
    config: { memory: "4G" },
    at: "memory",
    says: /not "4G"/u,
  },
  {
    title: "too little memory",
    config: { memory: "64MiB" },
    at: "memory",
    says: /between 96MiB and/u,
  },
  { title: "no processors", config: { memory: "1GiB", cpus: 0 }, at: "cpus", says: /at least 1/u },
  {
    title: "a name with capitals",
    config: { memory: "1GiB", name: "Web" },
    at: "name",
    says: /lower-case letters/u,
  },
  {
    title: "a long name",
    config: { memory: "1GiB", name: "x".repeat(64) },
    at: "name",
    says: /1 to 63/u,
  },
  {
    title: "a device name with a dot",
    config: { memory: "1GiB", disks: { "a.b": small } },
    at: "a.b",
    says: /begin with a letter/u,
  },
  {
    title: "a disk of nothing",
    config: { memory: "1GiB", disks: { root: {} } },
    at: "root",
    says: /exactly one of image_id, disk_id, or size/u,
  },
  {
    title: "a disk of two things",
    config: { memory: "1GiB", disks: { root: { disk_id: nowhere, size: "1GiB" } } },
    at: "root",
    says: /set on that disk/u,
  },
  {
    title: "the same disk twice",
    config: { memory: "1GiB", disks: { a: { disk_id: nowhere }, b: { disk_id: nowhere } } },
    at: "disk_id",
    says: /a is the same disk/u,
  },
  {
    title: "a name for an id",
    config: { memory: "1GiB", nics: { eth0: { network_id: "lan" } } },
    at: "network_id",
    says: /not its name/u,
  },
  {
    title: "a multicast MAC address",
    config: {
      memory: "1GiB",
      nics: { eth0: { network_id: nowhere, mac: "01:00:5e:00:00:01" } },
    },
    at: "mac",
    says: /unicast/u,
  },
  {
    title: "the same MAC address twice",
    config: {
      memory: "1GiB",
      nics: {
        a: { network_id: nowhere, mac: "52:54:00:00:00:01" },
        b: { network_id: nowhere, mac: "52:54:00:00:00:01" },
      },
    },
    at: "mac",
    says: /a has the same MAC/u,
  },
  {
    title: "an address without a pool",
    config: {
      memory: "1GiB",
      nics: { eth0: { network_id: nowhere, ipv4_address: "10.0.0.9" } },
    },
    at: "ipv4_address",
    says: /ipv4_pool_id/u,
  },
  {
    title: "boot from a stranger",
    config: { memory: "1GiB", boot_order: ["root"] },
    at: "boot_order",
    says: /none of the VM's disks/u,
  },
  {
    title: "boot twice from the same",
    config: { memory: "1GiB", disks: { a: small }, boot_order: ["a", "a"] },
    at: "boot_order",
    says: /named twice/u,
  },
  {
    title: "a primary interface that is none",
    config: { memory: "1GiB", primary_nic: "eth9" },
    at: "primary_nic",
    says: /none of the VM's nics/u,
  },
  {
    title: "a power state of its own",
    config: { memory: "1GiB", power_state: "sleeping" },
    at: "power_state",
    says: /running/u,
  },
  {
    title: "a duration without a unit",
    config: { memory: "1GiB", shutdown_timeout: "30" },
    at: "shutdown_timeout",
    says: /duration such as/u,
  },
  {
    title: "a wait of no time",
    config: { memory: "1GiB", wait_for: { timeout: "0s" } },
    at: "timeout",
    says: /between 1s/u,
  },
  {
    title: "a command line of two lines",
    config: { memory: "1GiB", kernel: { image_id: nowhere, command_line: "a\nb" } },
    at: "command_line",
    says: /must be one line/u,
  },
  {
    title: "a host that is not configured",
    config: { memory: "1GiB", host: "rack9" },
    at: "host",
    says: /hosts has no rack9/u,
    atPlan: true,
  },
  {
    title: "more memory than the host has",
    config: { memory: "15TiB" },
    at: "memory",
    says: /of host/u,
    atPlan: true,
  },
  {
    title: "more processors than the host has",
    config: { memory: "1GiB", cpus: 255 },
    at: "cpus",
    says: /of host/u,
    atPlan: true,
  },
  {
    title: "an image that is not there",
    config: { memory: "1GiB", disks: { root: { image_id: nowhere } } },
    at: "image_id",
    says: /no image/iu,
    atPlan: true,
  },
  {
    title: "a network that is not there",
    config: { memory: "1GiB", nics: { eth0: { network_id: nowhere } } },
    at: "network_id",
    says: /no network/iu,
    atPlan: true,
  },
  {
    title: "a name that is taken",
    others: ({ name }) => ({
      [`lodge_vm.${name}-twin`]: { name: `${name}-twin`, ...off },
    }),
    config: ({ name }) => ({ name: `${name}-twin`, ...off, cpus: 2 }),
    at: "name",
    says: /exists already.*a Terraform state has that one already/u,
    atPlan: true,
  },
  {
    title: "a MAC address that is taken",
    others: (place) => ({
      [`lodge_vm.${place.name}-twin`]: {
        name: `${place.name}-twin`,
        ...off,
        nics: { eth0: { ...lan, mac: mac(place, 3) } },
      },
    }),
    config: (place) => ({ ...off, nics: { eth0: { ...lan, mac: mac(place, 3) } } }),
    at: "mac",
    says: /52:54:00:00:..:03/u,
    atPlan: true,
  },
  {
    title: "an address that is taken",
    others: ({ name, n }) => ({
      [`lodge_vm.${name}-twin`]: {
        name: `${name}-twin`,
        ...off,
        nics: { eth0: { ...pooled, ipv4_address: `10.250.255.${n}` } },
      },
    }),
    config: ({ n }) => ({
      ...off,
      nics: { eth0: { ...pooled, ipv4_address: `10.250.255.${n}` } },
    }),
    at: "ipv4_address",
    says: /10\.250\.255\./u,
    atPlan: true,
  },
  {
    title: "a disk that another VM has",
    others: (place) => ({
      ...disks(place),
      [`lodge_vm.${place.name}-twin`]: {
        name: `${place.name}-twin`,
        ...off,
        disks: { a: disk(place, "a") },
      },
    }),
    config: (place) => ({ ...off, disks: { a: disk(place, "a") } }),
    at: "disk_id",
    says: /attached/u,
    atPlan: true,
  },
  {
    title: "a disk of its own that shrinks",
    from: { ...off, disks: { a: { size: "2MiB" } } },
    config: { ...off, disks: { a: small } },
    at: "size",
    says: /cannot shrink: it has 2MiB/u,
    atPlan: true,
  },
  {
    title: "protected, and to be replaced",
    from: {
      ...off,
      deletion_protection: true,
      disks: { a: { image_id: "${lodge_image.small.id}" } },
    },
    config: {
      ...off,
      deletion_protection: true,
      disks: { a: { image_id: "${lodge_image.other.id}" } },
    },
    at: "deletion_protection",
    says: /Set it to false and apply that first/u,
    atPlan: true,
  },
  {
    title: "an address outside of the pool",
    config: { memory: "1GiB", nics: { eth0: { ...pooled, ipv4_address: "10.250.0.5" } } },
    at: "ipv4_address",
    says: /10\.250\.0\.5.*(?:pool|range)/u,
    atPlan: true,
  },
];
