/** Everything of ours on a host, as it is and as the records say that it must be: line by line, so that a difference can be read. */
import type { Item } from "@lodge/schemas/kind-client.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { links } from "../../agent/src/lib/layout.ts";
import type { TestAgent } from "./agent.ts";
import { kindOrder } from "./wishes.ts";

/** What is there and must not be, and what must be there and is not. */
export interface Difference {
  readonly leftOver: readonly string[];
  readonly missing: readonly string[];
}

/** A host that is as its records say. */
export const noDifference: Difference = { leftOver: [], missing: [] };

/** Compares a host with the records of its agent: links, namespaces, tables, processes and files, each by its name. */
export async function compareHost(agent: TestAgent): Promise<Difference> {
  const [wanted, found] = await Promise.all([expected(agent), present(agent)]);
  // A line may be there several times, such as a program that a guest has two of.
  const left = [...found];
  const missing = wanted.must.filter((line) => {
    const index = left.indexOf(line);
    if (index !== -1) left.splice(index, 1);
    return index === -1;
  });
  return { leftOver: left.filter((line) => !wanted.may.has(line)), missing };
}

/** What is on the host. A process is told by what it is and where it works. */
async function present(agent: TestAgent): Promise<string[]> {
  const script = String.raw`
    ip -o link show | sed 's/^[0-9]*: \([^:@]*\).*/link \1/'
    ip netns list | sed 's/^\([^ ]*\).*/namespace \1/'
    nft list tables
    (cd "$0" && find images disks firmware -type f -printf 'file %p\n' 2>/dev/null)
    # Below state/ are the files above once more, where root acts for a user.
    find /run/lodge -path /run/lodge/state -prune -o ! -type d -printf 'run %P\n'
    find /run/lodge -mindepth 1 -path /run/lodge/state -prune -o -type d -empty -printf 'empty %P\n'
    grep -H . /run/lodge/network/*/reservations/* /run/lodge/network/*/leases 2>/dev/null |
      sed -e 's,^/run/lodge/network/\([^/]*\)/\([a-z]*\)[^:]*:,\2 \1 ,' -e '/duid/d'
    for process in /proc/[0-9]*; do
      at=$(readlink $process/cwd) && name=$(cat $process/comm) || continue
      [ "$name" != dnsmasq ] || at=$(tr '\0' '\n' <$process/cmdline | sed -n 's/^--conf-file=//p')
      echo "process $name $at"
    done 2>/dev/null`;
  const lines = (await agent.inside("sh", "-c", script, agent.files.directory)).split("\n");
  return lines.map(told).filter((line) => line !== undefined);
}

/** A line of what is there; undefined for what is not ours or says nothing by itself. */
function told(line: string): string | undefined {
  const [word, name = "", ...rest] = line.split(" ");
  switch (word) {
    case "link":
      return name.startsWith("lg") ? line : undefined;
    case "table":
      return rest[0]?.startsWith("lodge") ? line : undefined;
    case "process": {
      const of = /^\/run\/lodge\/(?:vm|ended|network)\/(.*?)(?:\/dnsmasq\.conf)?$/u.exec(
        rest.join(" "),
      );
      if (of) return `process ${name} of ${of[1]}`;
      // The anchor, its way out and the agent are the host itself; programs that the agent runs come and go.
      return name === "dnsmasq" || name.startsWith("qemu-system") ? line : undefined;
    }
    case "leases":
      // Time, MAC address and address; the name is the guest's own word.
      return `lease ${[name, ...rest.slice(1, 3)].join(" ")}`;
    case "reservations":
      return `reservation ${[name, ...rest].join(" ")}`;
    default:
      return word === "" ? undefined : line;
  }
}

interface Expected {
  readonly must: readonly string[];
  readonly may: ReadonlySet<string>;
}

async function expected(agent: TestAgent): Promise<Expected> {
  const lists = await Promise.all(
    kindOrder.map(async (kind) => (await agent.client(kind)).list([])),
  );
  const [networks, , images, disks, vms] = lists as readonly (readonly Item<KindName>[])[];
  const lines = [
    "? empty vm",
    "? empty ended",
    ...networks!.flatMap(({ id }) => ofNetwork(id)),
    ...images!.flatMap(({ id }) => [`file images/${id}`, `file images/${id}.json`]),
    ...disks!.map(({ id }) => `file disks/${id}.qcow2`),
    ...vms!.flatMap((vm) => ofVm(vm as Item<"vm">)),
  ];
  const may = (line: string): boolean => line.startsWith("? ");
  return {
    must: lines.filter((line) => !may(line)),
    may: new Set(lines.filter(may).map((line) => line.slice(2))),
  };
}

function ofNetwork(id: string): string[] {
  const files = ["conf", "json", "out", "pid"].map((end) => `dnsmasq.${end}`);
  return [
    `link ${links.bridge(id)}`,
    `link ${links.veth(id)}`,
    `namespace ${links.namespace(id)}`,
    `table inet ${links.table(id)}`,
    `process dnsmasq of ${id}`,
    ...keeper(id),
    ...["log", "old"].map((end) => `? run network/${id}/dnsmasq.${end}`),
    ...[...files, "network.json"].map((file) => `run network/${id}/${file}`),
    // Once the first guest has asked; and a directory that nobody has put a reservation into yet.
    `? run network/${id}/leases`,
    `? empty network/${id}/reservations`,
  ];
}

/** What keeps the end of what a program says. */
function keeper(id: string): string[] {
  return [
    `process sh of ${id}`,
    // The one that writes, and what comes and goes when a file is full.
    ...["head", "stdbuf", "sh", "wc", "mv"].map((name) => `? process ${name} of ${id}`),
  ];
}

function ofVm({ id, spec, status }: Item<"vm">): string[] {
  const leases = status.nic_status.map(
    ({ network_id, mac, ipv4_address }) => `? lease ${network_id} ${mac} ${ipv4_address}`,
  );
  if (status.actual_power_state !== "running") {
    // What the last guest printed; and what QEMU said, where that was written after all else was removed.
    const kept = ["console.log", "console.old", "qemu.log", "qemu.old"];
    return [...leases, ...kept.map((file) => `? run ended/${id}/${file}`)];
  }
  const sockets = ["qmp.sock", "debug.sock", "console.in", "console.out", "qemu.err"];
  const files = ["process.json", "qemu.pid", ...sockets];
  const printed = ["console.log", "console.old", "qemu.log", "qemu.old"];
  return [
    ...leases,
    ...files.map((file) => `run vm/${id}/${file}`),
    ...printed.map((file) => `? run vm/${id}/${file}`),
    `process qemu-system-x86 of ${id}`,
    // What the guest prints, and what QEMU says.
    ...keeper(id),
    ...keeper(id),
    ...status.nic_status.flatMap(({ name, network_id, mac, ipv4_address }) => [
      `link ${links.tap(id, name)}`,
      `table netdev ${links.guard(id, name)}`,
      `run nic/${id}/${name}.json`,
      `run network/${network_id}/reservations/${mac.replaceAll(":", "-")}`,
      `reservation ${network_id} ${mac},${ipv4_address},${spec.name}`,
    ]),
  ];
}
