import { declare, type Change, type Place, type Resources } from "../../harness/acceptance/kind.ts";
import { guestCommandLine } from "../../../scripts/guest/command-line.ts";
import {
  hostChange,
  hostNotImported,
  nameChange,
  onlyTerraformKnows,
  protectionChange,
  timeoutsChange,
} from "./common.ts";

const lan = { network_id: "${lodge_network.lan.id}" };
const pooled = { ...lan, ipv4_pool_id: "${lodge_address_pool.lan.id}" };
const other = {
  network_id: "${lodge_network.other.id}",
  ipv4_pool_id: "${lodge_address_pool.other.id}",
};
const nowhere = "00000000-0000-4000-8000-000000000000";
const mac = ({ n }: Place, last: number) =>
  `52:54:00:00:${n.toString(16).padStart(2, "0")}:0${last}`;

/** Two disks of the VM's own use. */
const disks = ({ name }: Place): Resources => ({
  [`lodge_disk.${name}-a`]: { name: `${name}-a`, size: "1MiB" },
  [`lodge_disk.${name}-b`]: { name: `${name}-b`, size: "1MiB" },
});
const disk = ({ name }: Place, letter: "a" | "b") => ({
  disk_id: `\${lodge_disk.${name}-${letter}.id}`,
});

const kernel = {
  image_id: "${lodge_image.kernel.id}",
  initrd_image_id: "${lodge_image.initrd.id}",
  command_line: guestCommandLine,
};

const small = { size: "1MiB" };
const off = { memory: "96MiB", power_state: "stopped" };

/** What takes effect at the guest's next boot. */
const deferred: readonly (Change & { readonly waits: readonly string[] })[] = [
  { to: [{ cpus: 2 }], waits: ["cpus"] },
  { to: [{ memory: "97MiB" }, { memory: "98MiB" }], waits: ["memory"] },
  { to: [{ firmware: "uefi" }], waits: ["firmware"] },
  { title: "in the place of firmware", to: [{ kernel }], waits: ["kernel"] },
  {
    from: { kernel },
    to: [{ kernel: { image_id: kernel.image_id } }],
    waits: ["kernel.initrd_image_id", "kernel.command_line"],
  },
  {
    from: { kernel },
    to: [{ kernel: { ...kernel, command_line: `${guestCommandLine} lodge.test=1` } }],
    waits: ["kernel.command_line"],
  },
  {
    from: { disks: { a: small, b: small } },
    to: [
      { disks: { a: small, b: small }, boot_order: ["b"] },
      { disks: { a: small, b: small }, boot_order: ["b", "a"] },
    ],
    waits: ["boot_order"],
  },
  { title: "one more", to: [{ disks: { a: small } }], waits: ["disks.a"] },
  {
    title: "one of three less",
    from: { disks: { a: small, b: small, c: small } },
    to: [{ disks: { a: small, c: small } }],
    waits: ["disks.b"],
  },
  {
    needs: disks,
    from: (at) => ({ disks: { a: disk(at, "a") } }),
    to: [(at) => ({ disks: { a: disk(at, "b") } })],
    waits: ["disks.a.disk_id"],
  },
  {
    title: "one more",
    to: [{ nics: { eth0: pooled } }],
    waits: ["nics.eth0"],
  },
  {
    title: "one of three less",
    from: { nics: { eth0: pooled, eth1: lan, eth2: pooled } },
    to: [{ nics: { eth0: pooled, eth2: pooled } }],
    waits: ["nics.eth1"],
  },
  {
    from: { nics: { eth0: lan } },
    to: [{ nics: { eth0: pooled } }],
    waits: ["nics.eth0.ipv4_pool_id"],
  },
  {
    from: { nics: { eth0: pooled } },
    to: [{ nics: { eth0: other } }],
    waits: ["nics.eth0.network_id", "nics.eth0.ipv4_pool_id"],
  },
  {
    from: { nics: { eth0: pooled } },
    to: [({ n }) => ({ nics: { eth0: { ...pooled, ipv4_address: `10.250.255.${n}` } } })],
    waits: ["nics.eth0.ipv4_address"],
  },
  {
    from: { nics: { eth0: lan } },
    to: [
      (at) => ({ nics: { eth0: { ...lan, mac: mac(at, 1) } } }),
      (at) => ({ nics: { eth0: { ...lan, mac: mac(at, 2) } } }),
    ],
    waits: ["nics.eth0.mac"],
  },
];

const live: readonly Change[] = [
  nameChange,
  hostChange,
  timeoutsChange,
  protectionChange,
  { title: "spelled otherwise", to: [{ memory: "98304KiB" }], action: "no-op", drift: "nothing" },
  {
    title: "in another order",
    from: { disks: { a: small, b: small }, nics: { eth0: pooled, eth1: lan } },
    to: [{ disks: { b: small, a: small }, nics: { eth1: lan, eth0: pooled } }],
    action: "no-op",
    drift: "nothing",
  },
  {
    to: [{ on_restart_required: "restart" }, { on_restart_required: "defer" }],
    back: "no-op",
  },
  { to: [{ shutdown_timeout: "5s" }, { shutdown_timeout: "61s" }] },
  {
    from: { nics: { eth0: pooled, eth1: lan } },
    to: [
      { nics: { eth0: pooled, eth1: lan }, primary_nic: "eth1" },
      { nics: { eth0: pooled, eth1: lan }, primary_nic: "eth0" },
    ],
  },
  {
    title: "of a disk of its own grows",
    from: { disks: { a: small } },
    to: [{ disks: { a: { size: "2MiB" } } }, { disks: { a: { size: "3MiB" } } }],
    oneWay: true,
  },
];

const rest: readonly Change[] = [
  { to: [{ power_state: "stopped" }], restarts: [] },
  {
    title: "with a restart",
    from: { on_restart_required: "restart" },
    to: [{ on_restart_required: "restart", memory: "97MiB" }],
    restarts: ["memory"],
  },
  {
    title: "of a VM that is off",
    from: { power_state: "stopped" },
    to: [
      { power_state: "stopped", cpus: 2, memory: "100MiB", disks: { a: small } },
      { power_state: "stopped", cpus: 1, nics: { eth0: lan } },
    ],
  },
  {
    from: { power_state: "stopped" },
    to: [
      { power_state: "stopped", wait_for: { ipv4: true, timeout: "5m" } },
      {
        power_state: "stopped",
        wait_for: { console: "login:", tcp_port: 22, on_timeout: "fail" },
      },
      { power_state: "stopped", wait_for: {} },
    ],
    drift: "nothing",
  },
  {
    from: { power_state: "stopped", disks: { a: { image_id: "${lodge_image.small.id}" } } },
    to: [{ power_state: "stopped", disks: { a: { image_id: "${lodge_image.other.id}" } } }],
    action: "replace",
  },
];

export const vm = declare({
  kind: "vm",
  minimal: off,
  // No guest is there to heed a power button.
  base: { memory: "96MiB", shutdown_timeout: "0s" },
  full: [
    {
      needs: disks,
      config: (place) => ({
        host: place.host,
        cpus: 2,
        memory: "131072KiB",
        power_state: "stopped",
        firmware: "uefi",
        kernel,
        boot_order: ["root", "data"],
        disks: {
          root: { image_id: "${lodge_image.small.id}", size: "4MiB" },
          data: disk(place, "a"),
          "a_disk-of-20-letters": { size: "2048KiB" },
        },
        nics: {
          eth0: {
            ...pooled,
            ipv4_address: `10.250.255.${place.n}`,
            mac: mac(place, 1),
          },
          eth1: lan,
        },
        primary_nic: "eth0",
        on_restart_required: "restart",
        shutdown_timeout: "1h",
        deletion_protection: true,
        wait_for: {
          ipv4: true,
          console: "login:",
          tcp_port: 22,
          timeout: "90s",
          on_timeout: "fail",
        },
        timeouts: { create: "5m", update: "6m", delete: "7m" },
      }),
    },
  ],
  empty: [
    {
      memory: "96MiB",
      power_state: "stopped",
      boot_order: [],
      disks: {},
      nics: {},
      shutdown_timeout: "0s",
      deletion_protection: false,
      wait_for: {},
      timeouts: {},
    },
    {
      memory: "96MiB",
      power_state: "stopped",
      kernel: { image_id: "${lodge_image.kernel.id}", command_line: "" },
      wait_for: { ipv4: false },
    },
  ],
  changes: [...deferred, ...live, ...rest],
  unchangeable: {},
  notImported: {
    ...onlyTerraformKnows,
    ...hostNotImported,
    wait_for: "What an apply waits for is no fact of a VM.",
  },
  mayBeNull: { ipv4_address: "A VM without an interface has no address." },
  foreign: [
    () => ({ name: "3-3", memory: "97MiB", power_state: "stopped" }),
    (place, id) => ({
      name: "node",
      memory: "100MiB",
      power_state: "stopped",
      cpus: 2,
      disks: {
        self: { image_id: id("lodge_image.small") },
        "a_b-c": { size: "1MiB" },
        "x-y": { size: "3MiB" },
      },
      boot_order: ["x-y"],
      nics: {
        build: { network_id: id("lodge_network.lan") },
        count: {
          network_id: id("lodge_network.lan"),
          ipv4_pool_id: id("lodge_address_pool.lan"),
          mac: mac(place, 7),
        },
      },
      shutdown_timeout: "1500ms",
    }),
  ],
  refused: [
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
    { title: "no processors", config: { memory: "1GiB", cpus: 0 }, at: "cpus", says: />=1/u },
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
      says: /exists already.*terraform import/u,
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
  ],
});
