import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { HypervisorCapabilities } from "../../core/port/hypervisor.ts";
import { exec } from "../../lib/exec.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { findProgram } from "../../lib/program-path.ts";
import { findUefiFirmware } from "../../lib/uefi-firmware.ts";
import { probeKvm, type KvmVerdict, type ProbeRunner } from "./kvm-probe.ts";

/** What is found out once for a QEMU and, of KVM, once for each boot of the host and state of its device. */
interface Findings {
  readonly program: string;
  /** Of the program's file: when it was changed, and its size. */
  readonly mark: string;
  readonly qemuVersion: string;
  readonly machineType: string;
  readonly bootId: string;
  /** Of KVM's device: which one it is, and who may open it. */
  readonly device?: string;
  /** Absent where it was not certain: the next agent tries again. */
  readonly kvm?: KvmVerdict;
}

/** What a look at KVM's device says before anything is tried. */
interface DeviceFindings {
  readonly mark: string;
  /** Why it is of no use. */
  readonly refusal?: string;
}

export interface CapabilitiesOptions {
  /** Default `qemu-system-x86_64`. */
  readonly program?: string;
  /** How QEMU is run to try KVM. */
  readonly run?: ProbeRunner;
  /** Default `/dev/kvm`. */
  readonly device?: string;
}

/** What the QEMU of this host can do. Asking again costs a look at its file. */
export class Capabilities {
  readonly #layout: Layout;
  readonly #options: CapabilitiesOptions;
  #pending: Promise<Required<Findings>> | undefined;
  #findings: Findings | undefined;

  constructor(layout: Layout, options: CapabilitiesOptions = {}) {
    this.#layout = layout;
    this.#options = options;
  }

  /** Throws FAILED_PRECONDITION (reason PROGRAM_MISSING) where QEMU is not installed. */
  async get(signal: AbortSignal): Promise<HypervisorCapabilities> {
    signal.throwIfAborted();
    // Who asks first may leave; the others still want to know.
    this.#pending ??= this.#find(new AbortController().signal).finally(
      () => (this.#pending = undefined),
    );
    const { qemuVersion, machineType, kvm } = await untilAborted(this.#pending, signal);
    const uefi = findUefiFirmware();
    return {
      qemuVersion,
      machineType,
      accelerator: kvm.usable ? "kvm" : "tcg",
      acceleratorReason: kvm.reason,
      uefi: uefi
        ? { available: true, reason: `firmware is at ${uefi.code}` }
        : { available: false, reason: "UEFI firmware is not installed; the package is ovmf" },
    };
  }

  async #find(signal: AbortSignal): Promise<Required<Findings>> {
    const name = this.#options.program ?? "qemu-system-x86_64";
    const program = findProgram(name, process.env);
    if (program === undefined) {
      throw lodgeError("PROGRAM_MISSING", `${name} is not installed`, {
        name,
        remedy: "Install the package qemu-system-x86.",
      });
    }
    const { mtimeMs, size } = await stat(program);
    const mark = `${mtimeMs} ${size}`;
    const bootId = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    const device = inspectDevice(this.#options.device ?? "/dev/kvm");
    const known = this.#findings ?? (await this.#recall());
    const same = known?.program === program && known.mark === mark ? known : undefined;
    if (same?.kvm && same.bootId === bootId && same.device === device.mark) {
      const { kvm } = same;
      this.#findings = same;
      return { ...same, device: device.mark, kvm };
    }
    const { qemuVersion, machineType } = same ?? (await askQemu(program, signal));
    const kvm =
      device.refusal === undefined
        ? await probeKvm(program, this.#options.run ?? runProbe, signal)
        : { usable: false, certain: false, reason: device.refusal };
    const lasting = { program, mark, qemuVersion, machineType, bootId };
    const found = { ...lasting, device: device.mark, kvm };
    this.#findings = found;
    const kept = kvm.certain ? found : lasting;
    if (!isDeepStrictEqual(kept, await this.#recall())) await this.#remember(kept);
    return found;
  }

  async #recall(): Promise<Findings | undefined> {
    try {
      return JSON.parse(await readFile(paths.qemuProbe(this.#layout), "utf8")) as Findings;
    } catch {
      // What cannot be read is found out anew.
      return undefined;
    }
  }

  async #remember(findings: Findings): Promise<void> {
    const path = paths.qemuProbe(this.#layout);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.new`, JSON.stringify(findings));
      await rename(`${path}.new`, path);
    } catch {
      // The file system may be full. What cannot be kept is found out anew.
      await rm(`${path}.new`, { force: true }).catch(() => {});
    }
  }
}

function inspectDevice(path: string): DeviceFindings {
  try {
    accessSync(path, constants.R_OK | constants.W_OK);
    const { ino, rdev, mode, uid, gid, mtimeMs } = statSync(path);
    return { mark: [ino, rdev, mode, uid, gid, mtimeMs].join(" ") };
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const refusal =
      code === "ENOENT"
        ? `the host has no ${path}`
        : `${path} may not be opened; add this user to the group kvm`;
    return { mark: code, refusal };
  }
}

/** The version, and the newest versioned machine type of the q35 family. */
async function askQemu(
  program: string,
  signal: AbortSignal,
): Promise<Pick<Findings, "qemuVersion" | "machineType">> {
  const [version, machines] = await Promise.all([
    exec(program, ["--version"], { signal }),
    exec(program, ["-machine", "help"], { signal }),
  ]);
  const qemuVersion = /version (\d+\.\d+\.\d+)/.exec(version.stdout)?.[1];
  const machineType = /^q35\s.*\(alias of (pc-q35-[\d.]+)\)/m.exec(machines.stdout)?.[1];
  if (qemuVersion === undefined || machineType === undefined) {
    throw lodgeError("COMMAND_FAILED", `${program} does not say its version and machine types`);
  }
  return { qemuVersion, machineType };
}

const runProbe: ProbeRunner = async (file, args, timeout, signal) => {
  const start = performance.now();
  const accept = Array.from({ length: 256 }, (_, code) => code);
  const elapsed = (): number => performance.now() - start;
  try {
    const { exitCode, stderr } = await exec(file, args, { signal, timeout, accept });
    // QEMU ends in good order when its time has run out.
    const ended = elapsed() < timeout;
    return { exitCode: ended ? exitCode : undefined, stderr, milliseconds: elapsed() };
  } catch (error) {
    if (!(error instanceof LodgeError) || error.reason !== "COMMAND_FAILED") throw error;
    return { exitCode: undefined, stderr: error.message, milliseconds: elapsed() };
  }
};
