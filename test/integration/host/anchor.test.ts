import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../../agent/src/lib/exec.ts";
import { identify, isAlive, type ProcessIdentity } from "../../../agent/src/lib/process.ts";
import {
  findAnchor,
  startAnchor,
  stopAnchor,
  type Anchor,
  type AnchorMode,
} from "../../../agent/src/role/dev/anchor.ts";
import {
  commandOf,
  enter,
  enterCommand,
  signalCommand,
  type EnterOptions,
} from "../../../agent/src/role/dev/enter.ts";
import { probeDev, type DevProbe } from "../../../agent/src/role/dev/probe.ts";
import {
  becomeOrdinaryUser,
  ordinaryUser,
  type OrdinaryUser,
} from "../../harness/ordinary-user.ts";

const fixture = (name: string) => [process.execPath, join(import.meta.dirname, "fixtures", name)];
const root = process.getuid!() === 0;

let stateDir: string;
const anchors: Anchor[] = [];
beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), "lodge-anchor-"));
});
afterEach(async () => {
  for (const anchor of anchors.splice(0)) await stopAnchor(anchor);
  rmSync(stateDir, { recursive: true, force: true });
});

async function start(mode?: AnchorMode): Promise<Anchor> {
  const anchor = await startAnchor({ lifetime: "parent", ...(mode && { mode }) });
  anchors.push(anchor);
  return anchor;
}

async function inside(anchor: Anchor, script: string, options: EnterOptions = {}): Promise<string> {
  const child = enter(anchor, "sh", ["-ec", script], {
    stdio: ["ignore", "pipe", "inherit"],
    ...options,
  });
  const [output, [exitCode]] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  expect(exitCode).toBe(0);
  return output.trim();
}

/** Runs the fixture and reads the line that it prints first. */
async function run<T>([file, args]: readonly [string, readonly string[]]): Promise<{
  line: T;
  child: ReturnType<typeof spawn>;
}> {
  const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  for await (const line of createInterface({ input: child.stdout })) {
    return { line: JSON.parse(line) as T, child };
  }
  throw new Error("the fixture said nothing");
}

const split = ([file, ...args]: readonly string[]) => [file!, args] as const;

describe.each(root ? (["user", "root"] as const) : (["user"] as const))(
  "a host of mode %s",
  (mode) => {
    it("has processes, files and links of its own", async () => {
      const anchor = await start(mode);
      expect(anchor.mode).toBe(mode);
      expect(await inside(anchor, "readlink /proc/self; id -u; ls /run/lodge | wc -l")).toMatch(
        /^\d+\n0\n0$/,
      );
      expect(await inside(anchor, "ip -brief link | cut -d ' ' -f 1")).toBe("lo");
      expect(await inside(anchor, "ip -json link show lo")).toContain('"UP"');
      expect(await inside(anchor, "cat /proc/sys/net/ipv4/ip_forward")).toBe("1");
      const bridgeNf = "cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || echo 0";
      expect(await inside(anchor, bridgeNf)).toBe("0");
      expect(await inside(anchor, "cat /proc/1/comm")).toBe("sh");
    });

    it("has namespaces of its own inside", async () => {
      const before = existsSync("/run/lodge");
      const anchor = await start(mode);
      const script = "ip netns add a; ip -netns a link set lo up; ip netns list; ip netns delete a";
      expect(await inside(anchor, script)).toBe("a");
      expect(existsSync("/run/lodge")).toBe(before);
    });

    it("reaps what its parent left behind", async () => {
      const anchor = await start(mode);
      // Nobody but the first process can: without it this would wait for ever.
      const script = `
      mkfifo /run/fifo
      sh -c 'sh -c "echo \\$\\$ >/run/pid; read -r line </run/fifo" & exec true'
      while ! [ -s /run/pid ]; do sleep 0.02; done
      read -r pid </run/pid
      ppid=$(sed -n 's/^PPid:.//p' "/proc/$pid/status")
      echo go >/run/fifo
      while [ -e "/proc/$pid" ]; do sleep 0.02; done
      echo "$ppid"`;
      expect(await inside(anchor, script)).toBe("1");
    });

    it("leaves the machine's network as it was", async () => {
      const seen = async () =>
        (await Promise.all([exec("ip", ["-json", "link"]), exec("ip", ["netns"])])).map(
          ({ stdout }) => stdout,
        );
      const before = await seen();
      const forward = readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8");
      const anchor = await start(mode);
      await inside(
        anchor,
        "ip link add lodge-here type bridge; ip netns add b; nft add table inet here",
      );
      expect(await seen()).toEqual(before);
      await stopAnchor(anchor);
      expect(await seen()).toEqual(before);
      expect(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8")).toBe(forward);
    });

    it("ends whatever runs inside, detached or not, and waits for that", async () => {
      const anchor = await start(mode);
      const children = [false, true].map((outlive) =>
        enter(anchor, "sh", ["-c", "trap '' TERM; sleep 1000"], {
          stdio: "ignore",
          outlive,
          detached: true,
        }),
      );
      await expect.poll(() => children.every((child) => commandOf(child))).toBe(true);
      const commands = children.map((child) => commandOf(child)!);
      await stopAnchor(anchor);
      expect(commands.map((command) => isAlive(command))).toEqual([false, false]);
      await stopAnchor(anchor);
    });
  },
);

describe("several hosts", () => {
  it("have links of the same name, and each its own", async () => {
    const [one, two] = await Promise.all([start(), start()]);
    const make = "ip link add same type bridge; ip -json link show same";
    expect(await inside(one, make)).toContain("same");
    expect(await inside(two, "ip -brief link | grep -c same || true")).toBe("0");
    expect(await inside(two, make)).toContain("same");
    await stopAnchor(one);
    expect(await inside(two, "ip -json link show same")).toContain("same");
  });
});

describe("a detached host", () => {
  afterEach(async () => {
    const left = findAnchor(stateDir);
    if (left) await stopAnchor(left, stateDir);
  });

  it("outlives its starter with all that runs inside, and is found again", async () => {
    const { line, child } = await run<{ anchor: Anchor; inside: ProcessIdentity }>(
      split([...fixture("start.ts"), "detached", stateDir]),
    );
    if (child.exitCode === null) await once(child, "exit");
    expect(isAlive(line.inside)).toBe(true);
    expect(findAnchor(stateDir)).toEqual(line.anchor);
    expect(await startAnchor({ lifetime: "detached", stateDir })).toEqual(line.anchor);
    await stopAnchor(line.anchor, stateDir);
    expect(isAlive(line.inside)).toBe(false);
    expect(findAnchor(stateDir)).toBeUndefined();
    expect(readdirSync(stateDir)).toEqual([]);
  });

  it("is one, however many start it at once", async () => {
    const started = await Promise.all(
      Array.from({ length: 4 }, () => startAnchor({ lifetime: "detached", stateDir })),
    );
    expect(new Set(started.map(({ pid }) => pid)).size).toBe(1);
    expect(readdirSync(stateDir)).toEqual(["anchor.json"]);
  });

  it("takes the place of one that has died, whoever has its pid now", async () => {
    const self = identify(process.pid)!;
    const stale = {
      pid: self.pid,
      startTime: self.startTime - 1,
      mode: "user",
      runDir: "/run/lodge",
    };
    writeFileSync(join(stateDir, "anchor.json"), JSON.stringify(stale));
    expect(findAnchor(stateDir)).toBeUndefined();
    const anchor = await startAnchor({ lifetime: "detached", stateDir });
    expect(anchor.pid).not.toBe(self.pid);
    expect(findAnchor(stateDir)).toEqual(anchor);
  });

  it("starts anew where its record was cut off", async () => {
    writeFileSync(join(stateDir, "anchor.json"), '{"pid":');
    const anchor = await startAnchor({ lifetime: "detached", stateDir });
    expect(findAnchor(stateDir)).toEqual(anchor);
  });

  it("shares its state directory with the outside", async () => {
    const anchor = await startAnchor({ lifetime: "detached", stateDir });
    await inside(anchor, `echo from inside > "${stateDir}/file"`);
    expect(readFileSync(join(stateDir, "file"), "utf8")).toBe("from inside\n");
  });
});

describe("a host of its parent's lifetime", () => {
  it.each(["SIGKILL", "SIGTERM"] as const)("ends when that is ended by %s", async (signal) => {
    const { line, child } = await run<{ anchor: Anchor; inside: ProcessIdentity }>(
      split([...fixture("start.ts"), "parent", stateDir]),
    );
    expect(isAlive(line.inside)).toBe(true);
    child.kill(signal);
    await expect.poll(() => isAlive(line.inside)).toBe(false);
    await expect.poll(() => isAlive(line.anchor)).toBe(false);
  });
});

describe("enter", () => {
  it("passes on directory, arguments, environment and exit code", async () => {
    const anchor = await start();
    const child = enter(anchor, "sh", ["-c", 'pwd; echo "$1/$VALUE"; exit 7', "sh", "a b'\"$c"], {
      stdio: ["ignore", "pipe", "inherit"],
      cwd: stateDir,
      env: { ...process.env, VALUE: "x y" },
    });
    const [output, [exitCode]] = await Promise.all([text(child.stdout!), once(child, "exit")]);
    expect(output).toBe(`${stateDir}\na b'"$c/x y\n`);
    expect(exitCode).toBe(7);
  });

  it("lets a command end in its own way", async () => {
    const anchor = await start();
    const child = enter(
      anchor,
      "sh",
      ["-c", "trap 'echo bye; exit 3' TERM; echo up; while :; do sleep 0.05; done"],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    await once(child.stdout!, "data");
    expect(signalCommand(child, "SIGTERM")).toBe(true);
    const [rest, [exitCode]] = await Promise.all([text(child.stdout!), once(child, "exit")]);
    expect(rest).toBe("bye\n");
    expect(exitCode).toBe(3);
    expect(signalCommand(child, "SIGTERM")).toBe(false);
  });

  it("ends the command with the process that waits for it, unless it is to outlive that", async () => {
    const anchor = await start();
    const [bound, free] = [false, true].map((outlive) =>
      enter(anchor, "sh", ["-c", "echo up; exec sleep 1000"], {
        stdio: ["ignore", "pipe", "inherit"],
        outlive,
      }),
    );
    // It is bound from when it runs: before, setpriv may not have been there yet.
    await Promise.all([once(bound!.stdout!, "data"), once(free!.stdout!, "data")]);
    const [boundCommand, freeCommand] = [commandOf(bound!)!, commandOf(free!)!];
    bound!.kill("SIGKILL");
    free!.kill("SIGKILL");
    await expect.poll(() => isAlive(boundCommand)).toBe(false);
    expect(isAlive(freeCommand)).toBe(true);
  });

  it("can leave a command in the machine's own network", async () => {
    const anchor = await start();
    const network = () => inside(anchor, "readlink /proc/self/ns/net");
    expect(await network()).not.toBe(readLink("/proc/self/ns/net"));
    // There /proc is the machine's, where the number of a process is another one.
    const outside = await inside(
      anchor,
      "ls -l /proc/thread-self/ns/net 2>/dev/null || ip -brief link | wc -l",
      {
        outsideNetwork: true,
      },
    );
    expect(outside).toContain(readLink("/proc/self/ns/net"));
  });
});

describe("the probe", () => {
  let user: OrdinaryUser;
  beforeEach(async () => {
    user = await becomeOrdinaryUser();
  });
  afterEach(() => user[Symbol.dispose]());

  const probeAs = async (command: readonly [string, readonly string[]]): Promise<DevProbe> => {
    const { stdout } = await exec(...command);
    return JSON.parse(stdout) as DevProbe;
  };

  it("finds that hosts can be made here, and leaves none", async () => {
    expect(await probeDev()).toEqual({ mode: "user", obstacles: [] });
  });

  it("finds so for an ordinary user, for whom they work in full", async () => {
    expect(await probeAs(user.command(fixture("probe.ts")))).toEqual({
      mode: "user",
      obstacles: [],
    });
    const { line, child } = await run<{ anchor: Anchor; inside: ProcessIdentity }>(
      user.command([...fixture("start.ts"), "detached", user.home]),
    );
    if (child.exitCode === null) await once(child, "exit");
    const status = readFileSync(`/proc/${line.inside.pid}/status`, "utf8");
    const uid = root ? ordinaryUser : process.getuid!();
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s`, "m"));
    await stopAnchor(line.anchor, user.home);
    expect(isAlive(line.inside)).toBe(false);
  });

  it("says how to give an ordinary user the device for taps", async (context) => {
    if (!root) context.skip("only root can close the device to an ordinary user");
    const probe = await probeAs(user.command(fixture("probe.ts"), { tun: false }));
    expect(probe.mode).toBeUndefined();
    expect(probe.obstacles).toHaveLength(1);
    expect(probe.obstacles[0]!.message).toContain("/dev/net/tun");
    expect(probe.obstacles[0]!.remedy).toContain("sudo chmod 0666 /dev/net/tun");
  });

  it("says that user namespaces are forbidden, and how to do without", async (context) => {
    if (!root) context.skip("only root can forbid them to an ordinary user");
    const anchor = await start("user");
    const [file, args] = user.command(fixture("probe.ts"));
    const forbidden = `echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" "$@"`;
    const probe = await probeAs(enterCommand(anchor, "sh", ["-ec", forbidden, file, ...args]));
    expect(probe.mode).toBeUndefined();
    expect(probe.obstacles[0]!.message).toMatch(/user namespaces/i);
    expect(probe.obstacles[0]!.remedy).toContain("sudo");
    // Root needs none.
    const rootProbe = await probeAs(
      enterCommand(anchor, fixture("probe.ts")[0]!, fixture("probe.ts").slice(1)),
    );
    expect(rootProbe.mode).toBe("root");
    expect(rootProbe.obstacles.map(({ mode }) => mode)).toEqual(["user"]);
  });
});

/** The number of a namespace. */
const readLink = (path: string) => /\[\d+\]/.exec(readlinkSync(path))![0];
