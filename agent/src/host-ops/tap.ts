import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { NicOperation } from "../lib/host-operations.ts";
import { aliases, links } from "../lib/layout.ts";
import { ipShow, isUp, withoutIpv6, type Link } from "./ip.ts";

type NicName = Pick<NicOperation, "vmId" | "nic">;

/** The interface's tap, where there is one of that name. */
export async function observeTap(
  { vmId, nic }: NicName,
  signal: AbortSignal,
): Promise<Link | undefined> {
  const [link] = await ipShow<Link>([`link show dev ${links.tap(vmId, nic)}`], { signal });
  return link;
}

/** Whether the link is this interface's tap. Between its making and its naming it has no alias. */
export function isOurTap(link: Link, { vmId, nic }: NicName): boolean {
  if (link.linkinfo?.info_kind !== "tun" || link.linkinfo.info_data?.type !== "tap") return false;
  return link.ifalias === undefined || link.ifalias === aliases.nic(vmId, nic);
}

/** Throws TAP_TAKEN where the link is another's. */
export function assertOurTap(link: Link, nic: NicName): void {
  if (isOurTap(link, nic)) return;
  throw lodgeError(
    "TAP_TAKEN",
    `The tap of interface ${nic.nic} would be ${link.ifname}, but a link of that name exists which is not Lodge's.`,
    {
      kind: "vm",
      id: nic.vmId,
      name: link.ifname,
      remedy: `Remove it (ip link delete ${link.ifname}) or rename it, then try again.`,
    },
  );
}

/**
 * The commands that make the tap what it should be; none where it is. Its owner may open it without any capability.
 * @param owner the user as whom QEMU runs
 */
export function tapCommands(nic: NicOperation, owner: number, found: Link | undefined): string[] {
  const name = links.tap(nic.vmId, nic.nic);
  const bridge = links.bridge(nic.networkId);
  const whole =
    found !== undefined && found.ifalias !== undefined && found.master === bridge && isUp(found);
  return [
    ...(found ? [] : [`tuntap add dev ${name} mode tap user ${owner} vnet_hdr`]),
    ...(whole
      ? []
      : [
          `link set dev ${name} alias ${aliases.nic(nic.vmId, nic.nic)}${withoutIpv6} master ${bridge} up`,
        ]),
  ];
}
