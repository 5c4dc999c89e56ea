import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { keepOutput } from "./keep-output.ts";

const length = 4096;
const patient = { timeout: 60_000, interval: 10 };
/** Limits of processes do not hold for root, so where root runs the tests, somebody else keeps the output. */
const [asUser, ...asUserArgs] =
  process.getuid?.() === 0
    ? ["setpriv", "--reuid=64123", "--regid=64123", "--clear-groups"]
    : ["env"];

let directory: string;
let speaker: ChildProcess;
let pids: readonly number[];

/** A shell that says what it is told to, and whose words are kept. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "lodge-keep-"));
  chmodSync(directory, 0o777);
  const script = `
    mkfifo said || exit
    exec 3<>said 4<>said
    ${keepOutput}
    keep said said ${length}
    exec cat >&4`;
  speaker = spawn(asUser, [...asUserArgs, "sh", "-c", script], {
    cwd: directory,
    stdio: ["pipe", "ignore", "inherit"],
  });
  await say("first\n");
  await kept("first\n");
  pids = [...childrenOf(speaker.pid!)];
  pids = [...pids, ...pids.flatMap(childrenOf)];
});
afterEach(async () => {
  speaker.stdin!.end();
  await vi.waitFor(() => {
    if (pids.some(lives)) throw new Error("what keeps the output has not ended");
  }, patient);
  rmSync(directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 20 });
});

const say = (text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    speaker.stdin!.write(text, (error) => (error ? reject(error) : resolve()));
  });
const read = (name: string): string => {
  const path = join(directory, name);
  return existsSync(path) ? readFileSync(path, "latin1") : "";
};
const kept = (text: string) => vi.waitFor(() => expect(read("said.log")).toContain(text), patient);

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return children === "" ? [] : children.split(" ").map(Number);
}

function lives(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

it("keeps the end of it, in two files of their length, without a gap", async () => {
  const lines = Array.from({ length: 5_000 }, (_, number) => `${number}\n`).join("");
  await say(lines);
  await kept("4999\n");
  const both = read("said.old") + read("said.log");
  expect(statSync(join(directory, "said.old")).size).toBe(length);
  expect(`first\n${lines}`.endsWith(both)).toBe(true);
});

it("goes on in the same file when what writes it is killed", async () => {
  const { ino } = statSync(join(directory, "said.log"));
  const [shell] = childrenOf(speaker.pid!);
  for (const word of ["second\n", "third\n"]) {
    const [writer] = await vi.waitFor(() => {
      const found = childrenOf(shell!);
      expect(found.map((pid) => readFileSync(`/proc/${pid}/comm`, "utf8"))).toEqual(["head\n"]);
      return found;
    }, patient);
    process.kill(writer!, "SIGKILL");
    // What it would still read is lost with it.
    await vi.waitFor(() => expect(lives(writer!)).toBe(false), patient);
    await say(word);
    await kept(word);
  }
  expect(read("said.log")).toBe("first\nsecond\nthird\n");
  expect(statSync(join(directory, "said.log")).ino).toBe(ino);
});

it("lets the speaker go on, and hears it again, when no process can be started for a while", async () => {
  const [shell] = childrenOf(speaker.pid!);
  const limit = (processes: string) =>
    execFileSync(asUser, [...asUserArgs, "prlimit", `--pid=${shell}`, `--nproc=${processes}:`]);
  const [, before] = /^Max processes +(\S+)/mu.exec(readFileSync(`/proc/${shell}/limits`, "utf8"))!;
  limit("1");
  for (const pid of childrenOf(shell!)) process.kill(pid, "SIGKILL");
  // More than all that is between the two holds.
  await say(`${"x".repeat(1023)}\n`.repeat(2048));
  await vi.waitFor(() => expect(speaker.stdin!.writableLength).toBe(0), patient);
  expect(lives(shell!)).toBe(true);
  limit(before!);
  await vi.waitFor(async () => {
    await say("heard again\n");
    expect(read("said.log")).toContain("heard again\n");
  }, patient);
});

it("lets go what cannot be written, and ends with the speaker all the same", async () => {
  rmSync(directory, { recursive: true });
  await say(`${"x".repeat(1023)}\n`.repeat(2048));
  await vi.waitFor(() => expect(speaker.stdin!.writableLength).toBe(0), patient);
});
