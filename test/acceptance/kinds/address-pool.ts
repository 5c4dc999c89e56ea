import { declare } from "../../harness/acceptance/kind.ts";
import {
  hostChange,
  hostNotImported,
  nameChange,
  onlyTerraformKnows,
  timeoutsChange,
} from "./common.ts";

const lan = "${lodge_network.lan.id}";
const nowhere = "00000000-0000-4000-8000-000000000000";

export const addressPool = declare({
  kind: "address_pool",
  minimal: ({ n }) => ({ network_id: lan, subnet: "main", ranges: [`10.250.${n}.10`] }),
  full: [
    {
      config: ({ n, host }) => ({
        host,
        network_id: lan,
        subnet: "second",
        ranges: [`10.251.${n}.10-10.251.${n}.20`, `10.251.${n}.5`],
        cooldown: "1h30m",
        timeouts: { create: "5m", update: "6m", delete: "7m" },
      }),
    },
  ],
  empty: [
    ({ n }) => ({ network_id: lan, subnet: "main", ranges: [`10.250.${n}.10`], cooldown: "0s" }),
  ],
  changes: [
    nameChange,
    hostChange,
    timeoutsChange,
    { to: [{ cooldown: "5m" }, { cooldown: "0s" }] },
    {
      title: "spelled otherwise",
      from: { cooldown: "90s" },
      to: [{ cooldown: "1m30s" }],
      action: "no-op",
      drift: "nothing",
    },
    {
      to: [
        ({ n }) => ({ ranges: [`10.250.${n}.10`, `10.250.${n}.20-10.250.${n}.30`] }),
        ({ n }) => ({ ranges: [`10.250.${n}.20-10.250.${n}.30`, `10.250.${n}.10`] }),
        ({ n }) => ({ ranges: [`10.250.${n}.99`] }),
      ],
    },
    {
      to: [({ n }) => ({ subnet: "second", ranges: [`10.251.${n}.10`] })],
      action: "replace",
    },
    {
      to: [({ n }) => ({ network_id: "${lodge_network.other.id}", ranges: [`10.252.${n}.10`] })],
      action: "replace",
    },
  ],
  unchangeable: {},
  notImported: { ...onlyTerraformKnows, ...hostNotImported },
  mayBeNull: {},
  foreign: [
    ({ n }, id) => ({
      name: "depends-on",
      network_id: id("lodge_network.lan"),
      subnet: "main",
      ranges: [`10.250.${n}.10-10.250.${n}.10`],
      cooldown: "61s",
    }),
  ],
  refused: [
    {
      title: "ranges that overlap",
      config: {
        network_id: nowhere,
        subnet: "a",
        ranges: ["10.0.0.5-10.0.0.9", "10.0.0.9"],
      },
      at: "ranges",
      says: /10\.0\.0\.9 overlaps 10\.0\.0\.5-10\.0\.0\.9/u,
    },
    {
      title: "no ranges",
      config: { network_id: nowhere, subnet: "a", ranges: [] },
      at: "ranges",
      says: /1/u,
    },
    {
      title: "a range that ends before it begins",
      config: { network_id: nowhere, subnet: "a", ranges: ["10.0.0.9-10.0.0.5"] },
      at: "10.0.0.9-10.0.0.5",
      says: /must be a range of IPv4 addresses/u,
    },
    {
      title: "a duration without a unit",
      config: { network_id: nowhere, subnet: "a", ranges: ["10.0.0.9"], cooldown: "60" },
      at: "cooldown",
      says: /must be a duration such as/u,
    },
    {
      title: "a network that is not there",
      config: { network_id: nowhere, subnet: "main", ranges: ["10.250.0.9"] },
      at: "network_id",
      says: /no network/iu,
      atPlan: true,
    },
    {
      title: "a subnet that its network does not have",
      config: { network_id: lan, subnet: "third", ranges: ["10.250.0.9"] },
      at: "subnet",
      says: /third/u,
      atPlan: true,
    },
    {
      title: "without an address that is used",
      needs: ({ name }) => ({
        [`lodge_vm.${name}-user`]: {
          name: `${name}-user`,
          memory: "96MiB",
          power_state: "stopped",
          nics: { eth0: { network_id: lan, ipv4_pool_id: `\${lodge_address_pool.${name}.id}` } },
        },
      }),
      from: ({ n }) => ({ network_id: lan, subnet: "main", ranges: [`10.250.${n}.10`] }),
      config: ({ n }) => ({ network_id: lan, subnet: "main", ranges: [`10.250.${n}.11`] }),
      // The VM might have gone in the same apply: that it stays is known when it is planned.
      blames: ({ name }) => `lodge_vm.${name}-user`,
      at: undefined,
      says: /stays.*10\.250\.\d+\.10/u,
      atPlan: true,
    },
    {
      title: "addresses outside of the subnet",
      config: { network_id: lan, subnet: "main", ranges: ["10.249.0.9"] },
      at: "ranges",
      says: /10\.249\.0\.9.*10\.250\.0\.0\/16/u,
      atPlan: true,
    },
  ],
});
