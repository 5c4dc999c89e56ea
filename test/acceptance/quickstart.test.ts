/** What a newcomer types: the quick start in a fresh home, interrupted, resumed, repeated and taken back. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { agentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { root } from "../../scripts/build/bundle.ts";
import { command } from "../harness/agent.ts";
import { dist } from "../harness/executable.ts";

let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  home = await mkdtemp("/tmp/lodge-");
  // The guest was built for other tests already.
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  env = { HOME: home, XDG_STATE_HOME: join(home, "s"), XDG_CACHE_HOME: cache, NO_COLOR: "1" };
});
afterAll(async () => {
  await quickstart("--destroy");
  await rm(home, { recursive: true, force: true });
});

interface Result {
  readonly exitCode: number | null;
  readonly output: string;
}

/** Runs it as npm would; at the first output that holds `until`, Ctrl-C is pressed. */
async function run(args: readonly string[], until?: string): Promise<Result> {
  const child = spawn(process.execPath, [join(root, "scripts", "quickstart.ts"), ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      const before = output;
      output += text;
      if (until !== undefined && output.includes(until) && !before.includes(until))
        child.kill("SIGINT");
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve({ exitCode, output }));
  });
}

const quickstart = (...args: string[]) => run(args);
const lodge = (...args: string[]) =>
  command(join(dist, "lodge"), args, {
    ...env,
    LODGE_AGENT_DIR: agentDirectory(env, "quickstart"),
  });

/** Command lines of living processes that name the fresh home. */
async function processesOfHome(): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.includes(home));
}

test("interrupted in the middle of the apply it says how to go on", async () => {
  const { exitCode, output } = await run([], "lodge_vm.hello: Creating...");
  expect(output).toContain("`npm run quickstart` goes on from here; with `-- --destroy`");
  expect(exitCode).toBe(130);
});

test("run again it brings up the guest and shows that it works", async () => {
  const { exitCode, output } = await quickstart();
  expect(output).toMatch(/on its console: {2}Lodge guest hello ready, boot [0-9a-f-]{36}/u);
  expect(output).toMatch(/by DHCP: {9}10\.20\.0\.10, acknowledged/u);
  expect(output).toMatch(/A second plan is empty[\s\S]*No changes\./u);
  expect(output).toContain("npm run quickstart -- --destroy");
  expect(exitCode).toBe(0);
  const vms = JSON.parse((await lodge("vm", "list", "-o", "json")).stdout);
  expect(vms).toHaveLength(1);
});

test("run once more it changes nothing", async () => {
  const before = JSON.parse((await lodge("vm", "show", "hello", "-o", "json")).stdout);
  const { exitCode, output } = await quickstart();
  expect(exitCode).toBe(0);
  expect(output).toContain("0 added, 0 changed, 0 destroyed");
  const after = JSON.parse((await lodge("vm", "show", "hello", "-o", "json")).stdout);
  expect(after.status.boot_id).toBe(before.status.boot_id);
});

test("--destroy leaves nothing, and may be repeated", async () => {
  const first = await quickstart("--destroy");
  expect(first).toMatchObject({ exitCode: 0 });
  expect(first.output).toContain("6 destroyed");
  expect(await processesOfHome()).toEqual([]);
  expect(existsSync(agentDirectory(env, "quickstart"))).toBe(false);
  expect(await readdir(home)).toEqual(["s"]);
  expect(await readdir(join(home, "s"))).toEqual([]);
  expect(await quickstart("--destroy")).toMatchObject({ exitCode: 0 });
});
