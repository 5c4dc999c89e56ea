import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { probeKernel } from "./probe-kernel.ts";

/** Whether guests run at the processor's speed on KVM, and how that was found out, in words for people. */
export interface KvmVerdict {
  readonly usable: boolean;
  readonly reason: string;
  /** Whether another try would say the same: not where time ran out, for that may be a busy machine's fault. */
  readonly certain: boolean;
}

/** How a run of QEMU went. */
export interface ProbeRun {
  /** Undefined where it was ended because its time ran out. */
  readonly exitCode: number | undefined;
  readonly milliseconds: number;
  readonly stderr: string;
}

/** Runs a program for so many milliseconds at most. */
export type ProbeRunner = (
  file: string,
  args: readonly string[],
  timeout: number,
  signal: AbortSignal,
) => Promise<ProbeRun>;

const loops = 1_000_000;
const success = 99;
/** A processor counts down from a million within a millisecond; a KVM that emulates instructions takes over a second. */
const loopLimit = 300;
const startLimit = 10_000;

/**
 * Tries whether KVM is of use, since a device node says nothing: some clouds have a KVM that only runs kernels made for
 * it and emulates all others, slower than QEMU does without it. A kernel of a few bytes is run twice, with a short and
 * a long loop, and the difference is what the loop took, however slowly QEMU starts.
 */
export async function probeKvm(
  program: string,
  run: ProbeRunner,
  signal: AbortSignal,
): Promise<KvmVerdict> {
  const directory = await mkdtemp(join(tmpdir(), "lodge-probe-"));
  try {
    const attempt = async (cpu: string, count: number, timeout: number): Promise<ProbeRun> => {
      const kernel = join(directory, String(count));
      await writeFile(kernel, probeKernel(count));
      return run(program, probeArguments(cpu, kernel), timeout, signal);
    };
    const cpu = "max,-arch-capabilities";
    const start = await attempt(cpu, 1, startLimit);
    if (start.exitCode !== success) return refused(start, "does not run guests");
    const long = await attempt(cpu, loops, Math.ceil(start.milliseconds) + loopLimit);
    const took = Math.max(0, Math.round(long.milliseconds - start.milliseconds));
    if (long.exitCode === undefined) {
      return {
        usable: false,
        certain: false,
        reason: `KVM is slower than emulation here: a test of 1 ms took over ${loopLimit} ms`,
      };
    }
    if (long.exitCode !== success) return refused(long, "does not run guests");
    const host = await attempt("host", 1, startLimit);
    if (host.exitCode !== success) return refused(host, "does not run guests with the host's CPU");
    const reason = `KVM runs guests: a loop of a million took ${took} ms`;
    return { usable: true, certain: true, reason };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function probeArguments(cpu: string, kernel: string): readonly string[] {
  const bare = ["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"];
  const machine = ["-accel", "kvm", "-machine", "microvm,acpi=off", "-cpu", cpu, "-m", "16"];
  return [
    ...bare,
    ...machine,
    "-device",
    "isa-debug-exit,iobase=0x501,iosize=1",
    "-kernel",
    kernel,
  ];
}

function refused({ exitCode, stderr }: ProbeRun, what: string): KvmVerdict {
  const lines = stderr.trim().split("\n").filter(Boolean);
  const words = lines.at(-1)?.replace(/^qemu-system-\S+: /, "");
  // What a QEMU said that had to be ended is no reason: it went on after it.
  const how =
    exitCode === undefined
      ? `a kernel of a few bytes did not end within ${startLimit / 1000} seconds`
      : (words ?? `QEMU ended with exit code ${exitCode}`);
  return { usable: false, certain: exitCode !== undefined, reason: `KVM ${what}: ${how}` };
}
