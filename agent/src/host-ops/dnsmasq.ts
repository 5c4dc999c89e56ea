/** The DHCP server of a network: a dnsmasq in the network's namespace, with static addresses alone and no DNS. */
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { formatIpv4, parseCidr } from "@lodge/schemas/spec/address.ts";
import { exec } from "../lib/exec.ts";
import type { NetworkOperation } from "../lib/host-operations.ts";
import { paths, type Layout } from "../lib/layout.ts";
import { leaseSeconds, withoutLeases, type Lease } from "../lib/leases.ts";
import { identify, isAlive, signalProcess, type ProcessIdentity } from "../lib/process.ts";
import { mayDropCapabilities } from "./capabilities.ts";
import { keepOutput } from "./keep-output.ts";
import { readJson, writeJson } from "./record.ts";
import { namespacePath, servicesLink } from "./namespace.ts";

/** What is kept of the dnsmasq that runs. */
interface DnsmasqRecord extends ProcessIdentity {
  /** Digest of all that it was started with. */
  readonly config: string;
  readonly user?: DnsmasqUser;
}

/** Whom dnsmasq runs as; undefined: as whom it is started, for it is root only in a namespace of ours. */
export type DnsmasqUser = string | undefined;

/** Bytes of dnsmasq's words that are kept for certain; up to twice that is on disk. */
const logBytes = 64 * 1024;

/**
 * Starts dnsmasq with a bounded log: a guest can make it complain with every message. The shell holds the pipe open until
 * dnsmasq has gone to the background with it, so that its reader ends when dnsmasq does, and not before.
 */
const script = `
cd "$1" || exit
shift
rm -f dnsmasq.out
mkfifo -m 600 dnsmasq.out || exit
exec 3<>dnsmasq.out
${keepOutput}
keep dnsmasq.out dnsmasq ${logBytes}
"$@" 3>&-
`;

/**
 * Starts dnsmasq, or starts it anew where its configuration or its link are no longer what they were.
 * @param linkIndex the kernel's number of the link it serves: it holds on to the link, not to its name.
 */
export async function setDnsmasq(
  layout: Layout,
  network: NetworkOperation,
  linkIndex: number,
  user: DnsmasqUser,
  signal: AbortSignal,
): Promise<void> {
  const { networkId } = network;
  const text = configuration(layout, network, user);
  const config = createHash("sha256").update(`${linkIndex}\n${text}`).digest("hex");
  const running = readRecord(layout, networkId);
  if (running?.config === config && isServing(running, networkId)) return;
  await stopDnsmasq(layout, networkId);
  await writeFile(paths.dnsmasqConfig(layout, networkId), text);
  await start(layout, networkId, { config, user }, signal);
}

/** Ends the network's dnsmasq and waits for that; none there is success. */
export async function stopDnsmasq(layout: Layout, networkId: string): Promise<void> {
  const running = [readRecord(layout, networkId), unrecorded(layout, networkId)];
  // Without a record its end is our wish and not a failure to be reported.
  await rm(paths.dnsmasqProcess(layout, networkId), { force: true });
  for (const process of running) {
    if (process === undefined || !signalProcess(process, "SIGTERM")) continue;
    const deadline = performance.now() + 2_000;
    while (isAlive(process)) {
      if (performance.now() > deadline) signalProcess(process, "SIGKILL");
      await sleep(1);
    }
  }
  await rm(paths.dnsmasqPid(layout, networkId), { force: true });
}

/** Makes dnsmasq forget reservations whose files are gone or changed; new ones it notices by itself. */
export function reloadDnsmasq(layout: Layout, networkId: string): void {
  const record = readRecord(layout, networkId);
  if (record) signalProcess(record, "SIGHUP");
}

/** Drops leases, which dnsmasq otherwise keeps to their end: it knows no other way than to be started anew. */
export async function dropLeases(
  layout: Layout,
  networkId: string,
  drop: (lease: Lease) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const running = readRecord(layout, networkId);
  await stopDnsmasq(layout, networkId);
  const path = paths.leases(layout, networkId);
  await writeFile(path, withoutLeases(readFileSync(path, "utf8"), drop));
  if (running) await start(layout, networkId, running, signal);
}

async function start(
  layout: Layout,
  networkId: string,
  { config, user }: Pick<DnsmasqRecord, "config" | "user">,
  signal: AbortSignal,
): Promise<void> {
  // It goes to the background once it serves, so the end of this call means that it does.
  await exec(
    "nsenter",
    [
      `--net=${namespacePath(networkId)}`,
      "--",
      ...confined(user),
      "sh",
      "-c",
      script,
      "lodge-dnsmasq",
      paths.network(layout, networkId),
      "dnsmasq",
      configArgument(layout, networkId),
    ],
    { signal },
  );
  const started = identify(Number(readFileSync(paths.dnsmasqPid(layout, networkId), "utf8")));
  if (!started) return;
  writeJson(paths.dnsmasqProcess(layout, networkId), {
    ...started,
    config,
    user,
  } satisfies DnsmasqRecord);
}

/**
 * What guests send is read by a program that can do nothing but serve DHCP, should they take it over. One that becomes
 * another user needs more for that, and then keeps no more than this by itself.
 */
function confined(user: DnsmasqUser): readonly string[] {
  if (user !== undefined || !mayDropCapabilities()) return [];
  const sets = ["--bounding-set=-all,+net_admin,+net_raw,+net_bind_service", "--inh-caps=-all"];
  return ["setpriv", "--no-new-privs", ...sets, "--"];
}

function configuration(layout: Layout, network: NetworkOperation, user: DnsmasqUser): string {
  const { networkId, subnets } = network;
  return [
    "port=0",
    `interface=${servicesLink}`,
    "bind-interfaces",
    `user=${user ?? ""}`,
    `group=${user ?? ""}`,
    "no-resolv",
    "no-hosts",
    `pid-file=${paths.dnsmasqPid(layout, networkId)}`,
    `log-facility=${paths.dnsmasqLogPipe(layout, networkId)}`,
    "quiet-dhcp",
    "dhcp-authoritative",
    // A guest can claim the identity of another, whose lease would end by that; its MAC address it cannot choose.
    "dhcp-ignore-clid",
    "no-ping",
    "dhcp-ignore=tag:!known",
    `dhcp-leasefile=${paths.leases(layout, networkId)}`,
    `dhcp-hostsdir=${paths.reservations(layout, networkId)}`,
    ...subnets.flatMap(({ name, cidr, gateway, dnsServers }) => {
      const { base, prefix } = parseCidr(cidr)!;
      const [address, mask] = [formatIpv4(base), formatIpv4(2 ** 32 - 2 ** (32 - prefix))];
      return [
        `dhcp-range=set:${name},${address},static,${mask},${leaseSeconds}`,
        // The link has no address in the subnet, which is what dnsmasq goes by otherwise.
        `shared-network=${servicesLink},${address}`,
        `dhcp-option=tag:${name},option:router,${gateway}`,
        // Without values the option is not sent; left out, dnsmasq would send its own address.
        `dhcp-option=${["tag:" + name, "option:dns-server", ...dnsServers].join(",")}`,
      ];
    }),
    "",
  ].join("\n");
}

function isServing(process: ProcessIdentity, networkId: string): boolean {
  if (!isAlive(process)) return false;
  try {
    return statSync(`/proc/${process.pid}/ns/net`).ino === statSync(namespacePath(networkId)).ino;
  } catch {
    return false;
  }
}

/** A dnsmasq whose start the caller did not live to record. */
function unrecorded(layout: Layout, networkId: string): ProcessIdentity | undefined {
  try {
    const pid = Number(readFileSync(paths.dnsmasqPid(layout, networkId), "utf8"));
    const found = identify(pid);
    const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return args.includes(configArgument(layout, networkId)) ? found : undefined;
  } catch {
    return undefined;
  }
}

const configArgument = (layout: Layout, networkId: string): string =>
  `--conf-file=${paths.dnsmasqConfig(layout, networkId)}`;

const readRecord = (layout: Layout, networkId: string): DnsmasqRecord | undefined =>
  readJson<DnsmasqRecord>(paths.dnsmasqProcess(layout, networkId));
