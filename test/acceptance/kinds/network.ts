import { declare } from "../../harness/acceptance/kind.ts";
import { hostsChange, nameChange, onlyTerraformKnows, timeoutsChange } from "./common.ts";

export const network = declare({
  kind: "network",
  minimal: ({ n }) => ({ subnets: { main: { cidr: `10.${n}.0.0/24` } } }),
  full: [
    {
      config: ({ n, host }) => ({
        hosts: [host],
        mode: "nat",
        subnets: {
          main: { cidr: `10.${n}.0.0/24`, gateway: `10.${n}.0.254`, dns_servers: ["9.9.9.9"] },
          "a_subnet-of20letters": { cidr: `10.${n}.128.0/17`, dns_servers: ["9.9.9.9", "1.1.1.1"] },
        },
        timeouts: { create: "5m", update: "6m", delete: "7m" },
      }),
    },
  ],
  empty: [({ n }) => ({ subnets: { main: { cidr: `10.${n}.0.0/24`, dns_servers: [] } } })],
  changes: [
    nameChange,
    hostsChange,
    timeoutsChange,
    {
      to: [
        ({ n }) => ({ subnets: { main: { cidr: `10.${n}.0.0/24`, dns_servers: ["9.9.9.9"] } } }),
        ({ n }) => ({
          subnets: { main: { cidr: `10.${n}.0.0/24`, dns_servers: ["1.1.1.1", "9.9.9.9"] } },
        }),
      ],
    },
    {
      title: "three, two of them, two others",
      from: ({ n }) => ({
        subnets: {
          main: { cidr: `10.${n}.0.0/24` },
          b: { cidr: `10.${n}.1.0/24` },
          c: { cidr: `10.${n}.2.0/24` },
        },
      }),
      to: [
        ({ n }) => ({
          subnets: { main: { cidr: `10.${n}.0.0/24` }, c: { cidr: `10.${n}.2.0/24` } },
        }),
        ({ n }) => ({
          subnets: { c: { cidr: `10.${n}.2.0/24` }, d: { cidr: `10.${n}.0.0/24` } },
        }),
      ],
    },
    {
      to: [({ n }) => ({ subnets: { main: { cidr: `10.${n}.64.0/18` } } })],
      action: "replace",
    },
    {
      to: [({ n }) => ({ subnets: { main: { cidr: `10.${n}.0.0/24`, gateway: `10.${n}.0.9` } } })],
      action: "replace",
    },
    { title: "the default, said", to: [{ mode: "nat" }], action: "no-op" },
  ],
  unchangeable: { mode: "There is one mode only." },
  notImported: onlyTerraformKnows,
  mayBeNull: {},
  foreign: [
    ({ n }) => ({ name: "2-2", subnets: { lifecycle: { cidr: `10.${n}.0.0/30` } } }),
    ({ n }) => ({
      name: "provider",
      subnets: {
        z: { cidr: `10.${n}.0.0/24`, gateway: `10.${n}.0.77` },
        a: { cidr: `10.${n}.1.0/24`, dns_servers: ["10.0.0.1"] },
      },
    }),
  ],
  refused: [
    {
      title: "without subnets",
      config: { subnets: {} },
      at: "subnets",
      says: /at least one subnet/u,
    },
    {
      title: "a CIDR with host bits",
      config: { subnets: { a: { cidr: "10.1.0.1/24" } } },
      at: "cidr",
      says: /without host bits/u,
    },
    {
      title: "subnets that overlap",
      config: { subnets: { a: { cidr: "10.1.0.0/16" }, b: { cidr: "10.1.2.0/24" } } },
      at: "cidr",
      says: /overlaps subnet a/u,
    },
    {
      title: "a gateway outside",
      config: { subnets: { a: { cidr: "10.1.0.0/24", gateway: "10.2.0.1" } } },
      at: "gateway",
      says: /no host address of/u,
    },
    {
      title: "a mode of its own",
      config: ({ n }) => ({ mode: "bridge", subnets: { a: { cidr: `10.${n}.0.0/24` } } }),
      at: "mode",
      says: /nat/u,
    },
    {
      title: "a subnet that overlaps another network's",
      others: ({ name, n }) => ({
        [`lodge_network.${name}-twin`]: {
          name: `${name}-twin`,
          subnets: { a: { cidr: `10.${n}.0.0/16` } },
        },
      }),
      config: ({ n }) => ({ subnets: { a: { cidr: `10.${n}.128.0/24` } } }),
      at: "cidr",
      says: /10\.\d+\.0\.0\/16/u,
      atPlan: true,
    },
  ],
});
