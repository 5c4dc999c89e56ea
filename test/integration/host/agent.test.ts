/** The development agent from outside: its life, its directory, its ways in, and that nothing of it is left. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { connect as connectPlain } from "node:net";
import { dirname, join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { command } from "../../harness/agent.ts";
import { dist } from "../../harness/executable.ts";
import { limit } from "../../harness/scale.ts";

const lodge = join(dist, "lodge");
let home: string;
let env: { HOME: string; XDG_STATE_HOME: string };

beforeEach(async () => {
  home = await mkdtemp("/tmp/lodge-");
  env = { HOME: home, XDG_STATE_HOME: join(home, "s") };
});
afterEach(async () => {
  for (const name of await readdir(join(home, "s", "lodge")).catch(() => [])) {
    await run("agent", "--dev", "--down", "--purge", "--name", name);
  }
  let left = await processesNaming(home);
  for (const end = Date.now() + (await limit(250)); left.length > 0 && Date.now() < end;) {
    await sleep(50);
    left = await processesNaming(home);
  }
  await rm(home, { recursive: true, force: true });
  if (left.length > 0) throw new Error(`left behind: ${JSON.stringify(left)}`);
});

const run = (...args: string[]) => command(lodge, args, env);
const directory = (name: string) => join(home, "s", "lodge", name);

/** The living processes whose command line holds `text`, but for zombies, which have none. */
async function processesNaming(text: string): Promise<{ pid: number; line: string }[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      line: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""),
    })),
  );
  return lines.filter(({ line }) => line.includes(text));
}

/** The agent's own process, and not the one that waits for it. */
async function agentProcess(): Promise<number> {
  const inside = await processesNaming("--inside");
  const own = inside.find(
    ({ line }) => line.split("\0")[0]!.endsWith("/node") && line.includes(home),
  );
  return own!.pid;
}

async function start(...more: string[]) {
  const { stdout, stderr, exitCode } = await run(
    "agent",
    "--dev",
    "--detach",
    "-o",
    "json",
    ...more,
  );
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return JSON.parse(stdout);
}

test("it is found without configuration, keeps its secrets, and leaves nothing", async () => {
  const started = await start();
  expect(started).toMatchObject({ name: "dev", directory: directory("dev"), returned: false });
  const host = JSON.parse((await run("host", "show", "-o", "json")).stdout);
  expect(host).toMatchObject({ name: "dev", image_roots: [join(directory("dev"), "import")] });
  expect((await stat(directory("dev"))).mode & 0o777).toBe(0o700);
  for (const name of ["ca.key", "server.key", "client.key"]) {
    expect((await stat(join(directory("dev"), name))).mode & 0o777).toBe(0o600);
  }

  const down = await run("agent", "--dev", "--down", "-o", "json");
  expect(JSON.parse(down.stdout)).toMatchObject({ was_running: true, purged: false });
  // Who waited for the agent ends a moment after it.
  const soon = { timeout: await limit(250) };
  await expect.poll(() => processesNaming(home), soon).toEqual([]);
  expect(existsSync(join(directory("dev"), "client.pem"))).toBe(true);
  const gone = await run("host", "show");
  expect(gone).toMatchObject({ exitCode: 4 });
  expect(gone.stderr).toContain("Start its agent: `lodge agent --dev`");

  const again = await run("agent", "--dev", "--down", "--purge", "-o", "json");
  expect(JSON.parse(again.stdout)).toMatchObject({ was_running: false, purged: true });
  // It was the only agent of its user.
  expect(existsSync(dirname(directory("dev")))).toBe(false);
});

test("a second one of the same name is refused, one of another name is another host", async () => {
  await start();
  const second = await run("agent", "--dev", "--detach");
  expect(second.exitCode).toBe(1);
  expect(second.stderr).toContain("runs already");
  await start("--name", "rack2");
  const rack2 = await run("host", "show", "--agent-dir", directory("rack2"), "-o", "json");
  expect(JSON.parse(rack2.stdout).name).toBe("rack2");
});

test("killed, it comes back into its own host", async () => {
  await start();
  const link = async () => {
    const { pid } = JSON.parse(await readFile(join(directory("dev"), "anchor.json"), "utf8"));
    return pid as number;
  };
  const before = await link();
  const pid = await agentProcess();
  process.kill(pid, "SIGKILL");
  while (existsSync(`/proc/${pid}/exe`)) await new Promise((resolve) => setTimeout(resolve, 10));
  expect((await run("host", "show")).exitCode).toBe(4);
  expect(await start()).toMatchObject({ returned: true });
  expect(await link()).toBe(before);
  expect((await run("host", "show")).exitCode).toBe(0);
});

test("--listen reaches it from the machine's own network, by certificate alone", async () => {
  const { endpoints } = await start("--listen", "127.0.0.1:0");
  const address = endpoints[1] as string;
  const { caCertificate, clientCertificate, clientKey } = agentFiles(directory("dev"), "dev");
  const certificates = [
    `--ca-certificate-file=${caCertificate}`,
    `--client-certificate-file=${clientCertificate}`,
    `--client-key-file=${clientKey}`,
  ];
  const named = await run("host", "show", "--endpoint", address, "--host", "dev", ...certificates);
  expect(named).toMatchObject({ exitCode: 0, stderr: "" });

  const [host, port] = address.split(":");
  const plain = connectPlain(Number(port), host);
  plain.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  plain.resume();
  await once(plain, "close");
  const log = await readFile(join(directory("dev"), "agent.log"), "utf8");
  expect(log).toContain("the client does not speak TLS");
});

test("its log begins anew while it runs, and leaves room for its database", async () => {
  await start();
  await run("agent", "--dev", "--down");
  const log = join(directory("dev"), "agent.log");
  const full = 10 * 2 ** 20;
  await writeFile(log, "x".repeat(full));
  const { endpoints } = await start("--listen", "127.0.0.1:0");
  const old = await readFile(`${log}.old`, "utf8");
  expect(old.slice(0, full)).toBe("x".repeat(full));
  const [host, port] = (endpoints[1] as string).split(":");
  for (let count = 0; count < 20; count++) {
    const stranger = connectPlain(Number(port), host).end("GET / HTTP/1.0\r\n\r\n").resume();
    await once(stranger, "close");
  }
  const told = () =>
    readFile(log, "utf8").then((text) => text.split("a client was refused").length);
  await expect.poll(told).toBe(2);
  expect((await stat(log)).size).toBeLessThan(2 ** 20);
  expect(old.slice(full) + (await readFile(log, "utf8"))).toMatch(
    /^[^]*the agent starts[^]*serves/u,
  );
  await run("agent", "--dev", "--down", "--purge");
  expect(existsSync(directory("dev"))).toBe(false);
});

test("in the foreground it says so, logs, and ends by Ctrl-C while its host stays", async () => {
  const child = spawn(lodge, ["agent", "--dev"], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (chunk) => (stderr += chunk));
  for await (const chunk of child.stdout) {
    stdout += chunk;
    if (stdout.includes("Ctrl-C")) break;
  }
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([0, null]);
  expect(stderr).toContain("the agent ends; guests run on");
  expect(await start()).toMatchObject({ returned: true });
});

test("what keeps it from starting is said, with the end of its log", async () => {
  const taken = await run("agent", "--dev", "--detach", "--listen", "192.0.2.1:6800");
  expect(taken.exitCode).toBe(2);
  expect(taken.stderr).toContain("192.0.2.1:6800 cannot be listened at (EADDRNOTAVAIL)");
  const long = await run("agent", "--dev", "--detach", "--dir", join(home, "x".repeat(100)));
  expect(long.stderr).toContain("is too long for the path of a socket");
  const wrong = await run("agent", "--dev", "--name", "Rack_1");
  expect(wrong).toMatchObject({ exitCode: 2 });
  const half = await run("agent");
  expect(half.stderr).toBe(
    "Error: In this version there are development agents alone: add --dev.\n",
  );
});
