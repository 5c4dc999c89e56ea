import { cidrSize, parseCidr } from "@lodge/schemas/spec/address.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import type { Claim } from "./walk.ts";

type Values = Readonly<Record<string, unknown>>;

/** What a planned object claims for itself on its host, as far as it is known. */
export function claimsOf(kind: KindName, host: string, planned: Values): readonly Claim[] {
  const { title } = kinds[kind];
  const { name } = planned;
  const names: Claim[] =
    typeof name === "string"
      ? [
          {
            key: `${host}/${kind}/${name}`,
            path: ["name"],
            clash: `Another ${title} of this configuration has the name ${name} on the host ${host} as well. Give each a name of its own.`,
          },
        ]
      : [];
  if (kind === "network") return [...names, ...subnetClaims(host, planned)];
  return kind === "vm" ? [...names, ...nicClaims(host, planned), ...diskClaims(planned)] : names;
}

function subnetClaims(host: string, planned: Values): readonly Claim[] {
  return entries(planned["subnets"]).flatMap(([subnet, { cidr: text }]) => {
    const cidr = typeof text === "string" ? parseCidr(text) : undefined;
    if (!cidr) return [];
    return [
      {
        key: `${host}/subnets`,
        range: [cidr.base, cidr.base + cidrSize(cidr) - 1],
        path: ["subnets", subnet, "cidr"],
        clash: `Another network of this configuration has addresses of ${text} on the host ${host} as well. Give each network addresses of its own.`,
      },
    ];
  });
}

function nicClaims(host: string, planned: Values): readonly Claim[] {
  return entries(planned["nics"]).flatMap(([nic, { mac, network_id, ipv4_address }]) => [
    ...(typeof mac === "string"
      ? [
          {
            key: `${host}/mac/${mac}`,
            path: ["nics", nic, "mac"],
            clash: `Another VM of this configuration has the MAC address ${mac} as well. Choose another, or none to have one derived.`,
          },
        ]
      : []),
    ...(typeof ipv4_address === "string" && typeof network_id === "string"
      ? [
          {
            key: `${network_id}/${ipv4_address}`,
            path: ["nics", nic, "ipv4_address"],
            clash: `Another VM of this configuration has the address ${ipv4_address} of that network as well. Choose another, or none for the lowest free one.`,
          },
        ]
      : []),
  ]);
}

function diskClaims(planned: Values): readonly Claim[] {
  return entries(planned["disks"]).flatMap(([disk, { disk_id }]) =>
    typeof disk_id === "string"
      ? [
          {
            key: `attachment/${disk_id}`,
            path: ["disks", disk, "disk_id"],
            clash: `Another VM of this configuration has the disk ${disk_id} as well. A disk is attached to one VM at a time.`,
          },
        ]
      : [],
  );
}

function entries(value: unknown): [string, Values][] {
  if (isUnknown(value) || typeof value !== "object" || value === null) return [];
  return Object.entries(value).filter(
    (entry): entry is [string, Values] => typeof entry[1] === "object" && !isUnknown(entry[1]),
  );
}
