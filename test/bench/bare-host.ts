/**
 * The peer of the benchmarks: a host of its own without any agent, on which everything is ready, so that a start is
 * nothing but QEMU's. Runs inside an anchor; takes one JSON request a line and answers each with one line.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { watch } from "node:fs";
import { copyFile, mkdir, open, readFile, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { createNetworkOperations } from "../../agent/src/host-ops/network-operations.ts";
import { qemuArguments } from "../../agent/src/host-ops/qemu/arguments.ts";
import { exec } from "../../agent/src/lib/exec.ts";
import type { MachineConfig } from "../../agent/src/lib/machine-config.ts";
import { paths, type Layout } from "../../agent/src/lib/layout.ts";
import { parseLeases } from "../../agent/src/lib/leases.ts";

/** What makes a machine of the benchmarks, here and in the agent alike. */
export interface BareSetup {
  readonly stateDir: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly machineType: string;
  /** What the agent uses on this machine. */
  readonly accelerator: "kvm" | "tcg";
  readonly count: number;
}

export type BareRequest =
  | { readonly op: "prepare"; readonly setup: BareSetup }
  /** Starts machines at once and measures each from its spawn; milliseconds. */
  | { readonly op: "start"; readonly indexes: readonly number[] };

export interface BareTimes {
  readonly firstLine: number;
  readonly acknowledged: number;
}

const networkId = "00000000-0000-4000-8000-00000000feed";
const kernelId = "00000000-0000-4000-8000-000000000001";
const initrdId = "00000000-0000-4000-8000-000000000002";
const never = new AbortController().signal;
const id = (index: number): string => `00000000-0000-4000-9000-${String(index).padStart(12, "0")}`;
const address = (index: number): string => `10.40.0.${index + 10}`;
const mac = (index: number): string =>
  `52:54:0a:28:00:${(index + 10).toString(16).padStart(2, "0")}`;

let layout: Layout;
let made: BareSetup;

async function prepare(setup: BareSetup): Promise<void> {
  made = setup;
  layout = { stateDir: setup.stateDir, runDir: "/run/lodge" };
  const operations = createNetworkOperations(layout);
  for (const directory of [paths.images(layout), paths.disks(layout)])
    await mkdir(directory, { recursive: true });
  await copyFile(setup.kernel, paths.image(layout, kernelId));
  await copyFile(setup.initrd, paths.image(layout, initrdId));
  const subnet = { name: "main", cidr: "10.40.0.0/24", gateway: "10.40.0.1", dnsServers: [] };
  await operations.setNetwork({ networkId, subnets: [subnet] }, never);
  for (let index = 0; index < setup.count; index++) {
    const nic = {
      vmId: id(index),
      vmName: `bare-${index}`,
      nic: "eth0",
      networkId,
      mac: mac(index),
    };
    await operations.setNic({ ...nic, ipv4Address: address(index) }, never);
    await mkdir(paths.vm(layout, id(index)), { recursive: true });
    const pipes = ["in", "out"].map((end) => `${paths.console(layout, id(index))}.${end}`);
    await exec("mkfifo", pipes);
    await exec("qemu-img", [
      "create",
      "-q",
      "-f",
      "qcow2",
      paths.disk(layout, id(index)),
      String(setup.diskBytes),
    ]);
  }
}

function machine(index: number): MachineConfig {
  return {
    vmId: id(index),
    name: `bare-${index}`,
    bootId: id(index),
    cpus: 1,
    memoryBytes: made.memoryBytes,
    machineType: made.machineType,
    accelerator: made.accelerator,
    firmware: "bios",
    kernel: { imageId: kernelId, initrdImageId: initrdId, commandLine: made.commandLine },
    disks: [{ name: "data", diskId: id(index), bootIndex: 0 }],
    nics: [{ name: "eth0", mac: mac(index) }],
  };
}

/** One machine from spawn to its first line and to its acknowledged address, then killed. */
async function start(
  index: number,
): Promise<{ readonly times: BareTimes; readonly child: ChildProcess }> {
  const log = `${paths.vm(layout, id(index))}/bare.log`;
  await rm(log, { force: true });
  await using file = await open(log, "a+");
  const pipe = await open(`${paths.console(layout, id(index))}.out`, "r+");
  const reader = spawn("cat", { stdio: [pipe.fd, file.fd, "ignore"] });
  await pipe.close();
  const begin = performance.now();
  const child = spawn("qemu-system-x86_64", qemuArguments(layout, machine(index)), {
    stdio: "ignore",
  });
  child.once("exit", () => reader.kill());
  const since = async (path: string, happened: () => Promise<boolean>): Promise<number> => {
    await changed(path, child, happened);
    return performance.now() - begin;
  };
  const leases = paths.leases(layout, networkId);
  const [firstLine, acknowledged] = await Promise.all([
    since(log, async () => (await readFile(log, "latin1")).includes("\n")),
    since(leases, async () => {
      const known = parseLeases(await readFile(leases, "utf8").catch(() => ""));
      return known.some((lease) => lease.mac === mac(index));
    }),
  ]);
  return { times: { firstLine, acknowledged }, child };
}

/** Waits for something that is seen in a file. It is looked at when it changes: many that poll would slow QEMU down. */
async function changed(
  path: string,
  child: ChildProcess,
  happened: () => Promise<boolean>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const look = () => void happened().then((yes) => yes && resolve(), reject);
  const ended = (code: number | null) => reject(new Error(`QEMU ended with ${code}`));
  // The directory: the file may come later, or be replaced.
  using _watcher = disposable(watch(dirname(path), look));
  child.once("exit", ended);
  look();
  await promise;
  child.off("exit", ended);
}

const disposable = (watcher: ReturnType<typeof watch>) => ({
  [Symbol.dispose]: () => watcher.close(),
});

async function startAll(indexes: readonly number[]): Promise<BareTimes[]> {
  const started = await Promise.all(indexes.map(start));
  for (const { child } of started) child.kill("SIGKILL");
  return started.map(({ times }) => times);
}

for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line) as BareRequest;
  const answer =
    request.op === "prepare" ? await prepare(request.setup) : await startAll(request.indexes);
  console.log(JSON.stringify(answer ?? {}));
}
