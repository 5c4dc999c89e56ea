/** What a newcomer types: the quick start in a fresh home, interrupted, resumed, repeated and taken back. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
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
async function run(
  args: readonly string[],
  until?: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Result> {
  const child = spawn(process.execPath, [join(root, "scripts", "quickstart.ts"), ...args], {
    env: { ...process.env, ...env, ...more },
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

describe("interrupted while apt works it ends", () => {
  let programs: string;
  beforeAll(async () => {
    programs = await mkdtemp(join(home, "programs-"));
    for (const name of ["apt-get", "apt-cache"])
      await writeFile(
        join(programs, name),
        `#!/bin/sh\necho "$0 begins"\nwhile :; do sleep 1; done\n`,
      );
    await writeFile(join(programs, "sudo"), '#!/bin/sh\nshift\nexec "$@"\n');
    for (const name of await readdir(programs)) await chmod(join(programs, name), 0o755);
  });
  afterAll(() => rm(programs, { recursive: true }));

  test.each([
    // A program that nothing brings.
    ["installing packages", "apt-get begins", { LODGE_BUSYBOX: "/nonexistent" }],
    ["fetching the guest's kernel", "==> Guest", {}],
  ])("%s", async (_, until, more) => {
    const { exitCode, output } = await run([], until, {
      ...more,
      PATH: `${programs}:${process.env["PATH"]}`,
      XDG_CACHE_HOME: join(programs, "cache"),
    });
    expect(output).toContain("Interrupted. `npm run quickstart` goes on from here");
    expect(output.split("==> ").at(-1)).toMatch(/^(?:Packages|Guest)/u);
    expect(exitCode).toBe(130);
    // What was interrupted may end a moment after who did it.
    await expect.poll(processesOfHome).toEqual([]);
  });
});

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
