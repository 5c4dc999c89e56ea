import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../scripts/build/bundle.ts";
import { probeKernel } from "../../agent/src/driver/qemu/probe-kernel.ts";

/** What a loop of ten million takes in an emulated guest on an idle machine like those that test this, with QEMU's start. */
const idleMilliseconds = 250;
/** A machine's load changes: what was measured is good for this long. */
const maxAge = 5 * 60_000;

let measured: number | undefined;

/**
 * How much slower this machine is now than an idle one, at least 1. Measured by an emulated loop, and kept in a file, so
 * that the processes of one run of the tests measure once.
 */
async function scale(): Promise<number> {
  measured ??= recall() ?? remember(await measure());
  return measured;
}

/** A guard for something that takes `milliseconds` on an idle machine: twenty times that, and more on a slower one. */
export async function limit(milliseconds: number): Promise<number> {
  return Math.ceil(milliseconds * 20 * (await scale()));
}

async function measure(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), "lodge-scale-"));
  try {
    const kernel = join(directory, "loop");
    writeFileSync(kernel, probeKernel(10_000_000));
    const start = performance.now();
    const bare = ["-nodefaults", "-no-user-config", "-display", "none", "-m", "16"];
    const machine = ["-accel", "tcg", "-machine", "microvm,acpi=off", "-kernel", kernel];
    const exit = ["-device", "isa-debug-exit,iobase=0x501,iosize=1"];
    await promisify(execFile)("qemu-system-x86_64", [...bare, ...machine, ...exit]).catch(
      (error: { readonly code?: unknown }) => {
        if (error.code !== 99) throw error;
      },
    );
    return Math.max(1, (performance.now() - start) / idleMilliseconds);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** In the checkout, where nobody else writes; `npm ci` removes it. */
const file = join(root, "node_modules", ".cache", "lodge", "scale.json");

function recall(): number | undefined {
  try {
    if (Date.now() - statSync(file).mtimeMs > maxAge) return undefined;
    const value: unknown = JSON.parse(readFileSync(file, "utf8"));
    return typeof value === "number" && value >= 1 ? value : undefined;
  } catch {
    return undefined;
  }
}

function remember(value: number): number {
  try {
    mkdirSync(dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(value));
    renameSync(temporary, file);
  } catch {
    // The checkout is another user's: every process measures for itself.
  }
  return value;
}
