/** The programs of other people that Lodge needs, and where they come from. */

import { uefiPlaces } from "./uefi-firmware.ts";

/** A program and the package that has it. */
export interface Requirement {
  /** Any of these programs will do. */
  readonly programs: readonly string[];
  /** The package of Debian and Ubuntu. */
  readonly apt: string;
  /** What it is for, as the end of a sentence. */
  readonly purpose: string;
  /** Nothing fails without it. */
  readonly optional?: true;
}

/** What running guests takes. */
export const requirements: readonly Requirement[] = [
  { programs: ["qemu-system-x86_64"], apt: "qemu-system-x86", purpose: "runs the guests" },
  { programs: ["qemu-img"], apt: "qemu-utils", purpose: "makes their disks" },
  { programs: ["dnsmasq"], apt: "dnsmasq-base", purpose: "gives them addresses" },
  { programs: ["nft"], apt: "nftables", purpose: "lets them out and keeps them apart" },
  { programs: ["ip"], apt: "iproute2", purpose: "makes bridges and interfaces" },
  { programs: ["unshare"], apt: "util-linux", purpose: "keeps all that out of the host" },
  {
    programs: ["pasta", "slirp4netns"],
    apt: "passt",
    purpose: "gives a development host the outside network",
    optional: true,
  },
];

/** The firmware of guests that boot by UEFI. */
export const uefiFirmware: Requirement = {
  programs: uefiPlaces.map(({ code }) => code),
  apt: "ovmf",
  purpose: 'boots guests with firmware = "uefi"',
  optional: true,
};
