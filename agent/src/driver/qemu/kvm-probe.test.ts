import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { probeKvm, type ProbeRun } from "./kvm-probe.ts";
import { probeKernel } from "./probe-kernel.ts";

const signal = new AbortController().signal;

/** Runs the probe with such answers of QEMU, in their order. @returns the verdict and what QEMU was asked. */
async function probe(...runs: readonly Partial<ProbeRun>[]) {
  const asked: {
    readonly args: readonly string[];
    readonly timeout: number;
    readonly loops: number;
  }[] = [];
  const verdict = await probeKvm(
    "qemu",
    async (_file, args, timeout) => {
      const kernel = readFileSync(args.at(-1)!);
      asked.push({ args, timeout, loops: kernel.readUInt32LE(64 + 2 * 56 + 1) });
      return { exitCode: 99, milliseconds: 80, stderr: "", ...runs[asked.length - 1] };
    },
    signal,
  );
  return { verdict, asked };
}

describe("the probe of KVM", () => {
  it("finds KVM usable where a long loop takes hardly longer than a short one", async () => {
    const { verdict, asked } = await probe({ milliseconds: 90.4 }, { milliseconds: 93 }, {});
    expect(verdict).toEqual({
      usable: true,
      certain: true,
      reason: "KVM runs guests: a loop of a million took 3 ms",
    });
    expect(asked.map(({ loops }) => loops)).toEqual([1, 1_000_000, 1]);
    expect(asked[1]!.timeout).toBe(391);
    expect(asked[2]!.args).toContain("host");
  });

  it("is not misled by a QEMU that starts slowly", async () => {
    const { verdict } = await probe({ milliseconds: 4000 }, { milliseconds: 4250 }, {});
    expect(verdict.usable).toBe(true);
  });

  it("finds a KVM that emulates instructions of no use", async () => {
    const { verdict, asked } = await probe({}, { exitCode: undefined, milliseconds: 380 });
    expect(verdict).toEqual({
      usable: false,
      certain: false,
      reason: "KVM is slower than emulation here: a test of 1 ms took over 300 ms",
    });
    expect(asked).toHaveLength(2);
  });

  it("passes on what QEMU says where it fails", async () => {
    const stderr = "warning: x\nqemu-system-x86_64: failed to initialize kvm: Permission denied\n";
    const { verdict } = await probe({ exitCode: 1, stderr });
    expect(verdict).toEqual({
      usable: false,
      certain: true,
      reason: "KVM does not run guests: failed to initialize kvm: Permission denied",
    });
    const warned = { exitCode: undefined, stderr: "warning: x" };
    expect((await probe(warned)).verdict).toEqual({
      usable: false,
      certain: false,
      reason: "KVM does not run guests: a kernel of a few bytes did not end within 10 seconds",
    });
    expect((await probe({}, { exitCode: 134 })).verdict.reason).toContain("exit code 134");
    const host = await probe({}, {}, { exitCode: 134, stderr: "failed to set MSR 0x10a" });
    expect(host.verdict).toEqual({
      usable: false,
      certain: true,
      reason: "KVM does not run guests with the host's CPU: failed to set MSR 0x10a",
    });
  });

  it("has a kernel that is an ELF file with a PVH entry", () => {
    const kernel = probeKernel(7);
    expect(kernel.toString("latin1", 1, 4)).toBe("ELF");
    expect(kernel.readUInt16LE(56)).toBe(2);
    const note = kernel.subarray(Number(kernel.readBigUInt64LE(64 + 56 + 8)));
    expect(note.readUInt32LE(8)).toBe(18);
    expect(note.toString("latin1", 12, 15)).toBe("Xen");
    expect(note.readUInt32LE(16)).toBe(kernel.readUInt32LE(24));
  });
});
