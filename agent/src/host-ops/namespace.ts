/** The namespace of a network, where its services are: nothing but one end of a veth pair, the other on the bridge. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { aliases, links, macs, servicesAddress } from "../lib/layout.ts";
import { ipShow, isUp, withoutIpv6, type Link, type Route } from "./ip.ts";

/** Where iproute2 keeps the names of namespaces. */
const namespaceDir = "/run/netns";

/** The link in the namespace. */
export const servicesLink = "eth0";

/** The file that names a network's namespace. */
export const namespacePath = (networkId: string): string =>
  join(namespaceDir, links.namespace(networkId));

/** What is there of a network's namespace. */
export interface Namespace {
  readonly exists: boolean;
  readonly link: Link | undefined;
  readonly routes: readonly string[];
}

/** Looks into the namespace. */
export async function observeNamespace(networkId: string, signal: AbortSignal): Promise<Namespace> {
  if (!namespaceExists(networkId)) return { exists: false, link: undefined, routes: [] };
  const answers = await ipShow<Link | Route>(
    [`address show dev ${servicesLink}`, `route show dev ${servicesLink}`],
    { namespace: links.namespace(networkId), signal },
  );
  return {
    exists: true,
    link: answers.find((answer): answer is Link => "ifname" in answer),
    routes: answers.flatMap((answer) => ("dst" in answer ? [answer.dst] : [])),
  };
}

/** Whether the name stands for a namespace; after a crash it may be an empty file. */
export function namespaceExists(networkId: string): boolean {
  const [file, directory] = [namespacePath(networkId), namespaceDir].map((path) =>
    statSync(path, { throwIfNoEntry: false }),
  );
  return file !== undefined && directory !== undefined && file.dev !== directory.dev;
}

/** The commands, to be run outside, that make the namespace and the veth pair; none where both are there. */
export function outerCommands(
  networkId: string,
  found: Namespace,
  veth: Link | undefined,
): string[] {
  const [name, namespace] = [links.veth(networkId), links.namespace(networkId)];
  const whole = found.link !== undefined && veth !== undefined;
  const stale = statSync(namespacePath(networkId), { throwIfNoEntry: false }) !== undefined;
  return [
    ...(found.exists
      ? []
      : [...(stale ? [`netns delete ${namespace}`] : []), `netns add ${namespace}`]),
    ...(whole
      ? []
      : [
          ...(veth ? [`link delete dev ${name}`] : []),
          `link add name ${name} address ${macs.veth(networkId)} type veth peer name ${servicesLink} address ${macs.services(networkId)} netns ${namespace}`,
        ]),
    ...(whole && veth.ifalias !== undefined && veth.master === links.bridge(networkId) && isUp(veth)
      ? []
      : [
          `link set dev ${name} alias ${aliases.network(networkId)}${withoutIpv6} master ${links.bridge(networkId)} up`,
        ]),
  ];
}

/** The commands, to be run inside, that give the link its address and a route to every subnet. */
export function innerCommands(cidrs: readonly string[], found: Namespace): string[] {
  const addressed = found.link?.addr_info?.some(({ local }) => local === servicesAddress) ?? false;
  const up = found.link !== undefined && isUp(found.link) && addressed;
  const routes = up ? found.routes : [];
  return [
    ...(up
      ? []
      : [
          "link set dev lo up",
          `link set dev ${servicesLink}${withoutIpv6} up`,
          `address replace ${servicesAddress}/32 dev ${servicesLink}`,
        ]),
    ...routes
      .filter((route) => !cidrs.includes(route))
      .map((route) => `route delete ${route} dev ${servicesLink}`),
    ...cidrs
      .filter((cidr) => !routes.includes(cidr))
      .map((cidr) => `route replace ${cidr} dev ${servicesLink} scope link`),
  ];
}
