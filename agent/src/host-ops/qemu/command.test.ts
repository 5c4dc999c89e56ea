import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { qemuCommand } from "./command.ts";

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lodge-command-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, maxRetries: 20, retryDelay: 20 });
});

/** Runs a shell's script in QEMU's place. */
async function run(script: string): Promise<number | null> {
  const [file, args] = qemuCommand("sh", ["-c", script]);
  const child = spawn(file, args, { cwd: directory, stdio: "ignore" });
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

const read = (name: string): string => readFileSync(join(directory, name), "latin1");

it("never makes QEMU wait, however often it complains, and keeps its last words", async () => {
  const word = "x".repeat(400);
  const complain = `i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo "$i ${word}" >&2; done; exit 7`;
  expect(await run(complain)).toBe(7);
  await expect.poll(() => read("qemu.log")).toMatch(/^4000 x+\n$/m);
  const kept = ["qemu.old", "qemu.log"].map((name) => statSync(join(directory, name)).size);
  expect(kept[0]! + kept[1]!).toBeLessThanOrEqual(2 ** 20);
});

it("has QEMU's words at once, not only when there are many", async () => {
  const wait = "until [ -e heard ]; do sleep 0.01; done";
  const ended = run(`echo first >&2; ${wait}; echo second`);
  await expect.poll(() => read("qemu.log")).toBe("first\n");
  writeFileSync(join(directory, "heard"), "");
  expect(await ended).toBe(0);
  await expect.poll(() => read("qemu.log")).toBe("first\nsecond\n");
});

it("leaves no core file with the guest's memory, and cannot be made to", async () => {
  expect(await run("cat /proc/self/limits >limits")).toBe(0);
  expect(read("limits")).toMatch(/^Max core file size +0 +0 /m);
});
