import { declare, type Change } from "../../harness/acceptance/kind.ts";
import { guestCommandLine } from "../../../scripts/guest/command-line.ts";
import { disk, disks, lan, mac, off, other, pooled, small } from "./vm-parts.ts";
import { vmRefusals } from "./vm-refused.ts";
import {
  hostChange,
  hostNotImported,
  nameChange,
  onlyTerraformKnows,
  protectionChange,
  timeoutsChange,
} from "./common.ts";

const kernel = {
  image_id: "${lodge_image.kernel.id}",
  initrd_image_id: "${lodge_image.initrd.id}",
  command_line: guestCommandLine,
};

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
  refused: vmRefusals,
});
