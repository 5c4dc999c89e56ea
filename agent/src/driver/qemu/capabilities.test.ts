import {
  chmodSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { paths, type Layout } from "../../lib/layout.ts";
import { Capabilities, type CapabilitiesOptions } from "./capabilities.ts";

const signal = new AbortController().signal;

describe("what a QEMU can do", () => {
  let layout: Layout;
  let program: string;
  let device: string;
  let probes: number;
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-capabilities-"));
    layout = { stateDir: join(directory, "state"), runDir: directory };
    program = join(directory, "qemu");
    device = join(directory, "kvm");
    probes = 0;
    writeFileSync(device, "");
    install("7.2.22", "pc-q35-7.2");
  });
  afterEach(() => rmSync(layout.runDir, { recursive: true }));

  /** A QEMU that only says what it is, and counts how often it is asked. */
  function install(version: string, machine: string): void {
    const log = join(layout.runDir, "asked");
    writeFileSync(
      program,
      `#!/bin/sh
echo "$1" >>${log}
if [ "$1" = --version ]; then echo "QEMU emulator version ${version} (Debian 1:7)"; else
echo "pc                   Standard PC (i440FX + PIIX, 1996) (alias of pc-i440fx-7.2)"
echo "q35                  Standard PC (Q35 + ICH9, 2009) (alias of ${machine})"
echo "pc-q35-7.1           Standard PC (Q35 + ICH9, 2009)"
fi
`,
    );
    chmodSync(program, 0o755);
  }
  const asked = (): number =>
    readFileSync(join(layout.runDir, "asked"), "utf8").split("\n").length - 1;
  const capabilities = (options: CapabilitiesOptions = {}) =>
    new Capabilities(layout, {
      program,
      device,
      run: async () => {
        probes++;
        return { exitCode: 99, milliseconds: 80, stderr: "" };
      },
      ...options,
    });

  it("are its version, its newest machine type and the accelerator, with the reason", async () => {
    expect(await capabilities().get(signal)).toMatchObject({
      qemuVersion: "7.2.22",
      machineType: "pc-q35-7.2",
      accelerator: "kvm",
      acceleratorReason: "KVM runs guests: a loop of a million took 0 ms",
      uefi: { available: expect.any(Boolean), reason: expect.stringMatching(/ovmf|firmware/i) },
    });
  });

  it("are found out once, also by those who ask at once or later", async () => {
    const first = capabilities();
    await Promise.all([first.get(signal), first.get(signal)]);
    await first.get(signal);
    await capabilities().get(signal);
    expect(asked()).toBe(2);
    expect(probes).toBe(3);
  });

  it("are found out anew after an upgrade", async () => {
    await capabilities().get(signal);
    install("10.0.2", "pc-q35-10.0");
    utimesSync(program, 1, 1);
    expect(await capabilities().get(signal)).toMatchObject({
      qemuVersion: "10.0.2",
      machineType: "pc-q35-10.0",
    });
    expect(probes).toBe(6);
  });

  it("are asked of KVM again after the host has booted", async () => {
    await capabilities().get(signal);
    const path = paths.qemuProbe(layout);
    const findings = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...findings, bootId: "an earlier one" }));
    await capabilities().get(signal);
    expect(asked()).toBe(2);
    expect(probes).toBe(6);
  });

  it("are found out anew where what was kept cannot be read", async () => {
    await capabilities().get(signal);
    writeFileSync(paths.qemuProbe(layout), "{");
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "kvm" });
  });

  it("are emulation where there is no KVM", async () => {
    rmSync(device);
    expect(await capabilities().get(signal)).toMatchObject({
      accelerator: "tcg",
      acceleratorReason: `the host has no ${device}`,
    });
    expect(probes).toBe(0);
  });

  it("have KVM as soon as there is one that may be used", async () => {
    rmSync(device);
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "tcg" });
    writeFileSync(device, "");
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "kvm" });
    rmSync(device);
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "tcg" });
    expect(asked()).toBe(2);
  });

  it("are not without KVM for a whole boot because the machine was busy", async () => {
    const run = async () => {
      probes++;
      return { exitCode: undefined, milliseconds: 10_000, stderr: "" };
    };
    const busy = capabilities({ run });
    expect(await busy.get(signal)).toMatchObject({ accelerator: "tcg" });
    // One agent does not change its mind, nor wait for the same again.
    expect(await busy.get(signal)).toMatchObject({ accelerator: "tcg" });
    expect(probes).toBe(1);
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "kvm" });
  });

  it("keep QEMU's refusal of KVM until its device changes", async () => {
    const run = async () => {
      probes++;
      return { exitCode: 1, milliseconds: 80, stderr: "Permission denied" };
    };
    await capabilities({ run }).get(signal);
    expect(await capabilities().get(signal)).toMatchObject({
      accelerator: "tcg",
      acceleratorReason: "KVM does not run guests: Permission denied",
    });
    expect(probes).toBe(1);
    chmodSync(device, 0o666);
    expect(await capabilities().get(signal)).toMatchObject({ accelerator: "kvm" });
  });

  it("are found out where they cannot be kept, as on a full file system", async () => {
    writeFileSync(layout.stateDir, "no directory");
    for (let time = 1; time <= 2; time++)
      expect(await capabilities().get(signal)).toMatchObject({ qemuVersion: "7.2.22" });
  });

  it("are written only where they are others than before", async () => {
    rmSync(device);
    await capabilities().get(signal);
    const { ino } = statSync(paths.qemuProbe(layout));
    await capabilities().get(signal);
    expect(statSync(paths.qemuProbe(layout)).ino).toBe(ino);
  });

  it("are nothing without QEMU", async () => {
    const missing = capabilities({ program: "qemu-system-none" });
    await expect(missing.get(signal)).rejects.toMatchObject({
      reason: "PROGRAM_MISSING",
      remedy: expect.stringContaining("qemu-system-x86"),
    });
  });

  it("may be asked for by one who does not wait", async () => {
    const shared = capabilities();
    const abort = new AbortController();
    const left = shared.get(abort.signal);
    const stayed = shared.get(signal);
    abort.abort(new Error("enough"));
    await expect(left).rejects.toThrow("enough");
    expect(await stayed).toMatchObject({ qemuVersion: "7.2.22" });
  });
});
