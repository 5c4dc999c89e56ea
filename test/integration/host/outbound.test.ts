import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { identify, isAlive, type ProcessIdentity } from "../../../agent/src/lib/process.ts";
import { startAnchor, stopAnchor, type Anchor } from "../../../agent/src/role/dev/anchor.ts";
import { enter } from "../../../agent/src/role/dev/enter.ts";
import { outboundGateway, startOutbound } from "../../../agent/src/role/dev/outbound.ts";
import { needs } from "../../harness/needs.ts";
import { becomeOrdinaryUser } from "../../harness/ordinary-user.ts";

const programs = ["slirp4netns", "pasta"] as const;

let anchor: Anchor;
let server: Server;
let port: number;
beforeEach(async () => {
  anchor = await startAnchor({ lifetime: "parent" });
  server = createServer((socket) => socket.end("the machine's loopback\n")).listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as { port: number }).port;
});
afterEach(async () => {
  await stopAnchor(anchor);
  server.close();
});

async function inside(script: string): Promise<string> {
  const child = enter(anchor, "sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  const [output] = await Promise.all([text(child.stdout!), once(child, "exit")]);
  return output;
}

/** What the machine's loopback answers. The client leaves it to the server to end the connection. */
const ask = () => inside(`sleep 3 | timeout 10 busybox nc -w 3 ${outboundGateway} ${port}`);

/** The processes that lead out of a host; what waits for one of them has the same arguments behind its own. */
function leadingOut({ pid: anchorPid }: Anchor): ProcessIdentity[] {
  return readdirSync("/proc").flatMap((pid) => {
    try {
      const [program, ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
      if (!/(slirp4netns|pasta|passt)/.test(program!)) return [];
      const found = args.includes(`/proc/${anchorPid}/ns/net`) && identify(Number(pid));
      return found ? [found] : [];
    } catch {
      return [];
    }
  });
}

describe.each(programs)("%s", (program) => {
  it("leads out, once, and ends with the host", async (context) => {
    needs(context, program);
    const options = { programs: [program], hostLoopback: true };
    expect(await startOutbound(anchor, options)).toMatchObject({ available: true });
    expect(await startOutbound(anchor, options)).toMatchObject({ available: true });
    await expect.poll(() => leadingOut(anchor)).toHaveLength(1);
    const started = leadingOut(anchor);
    expect(await ask()).toBe("the machine's loopback\n");
    await stopAnchor(anchor);
    await expect.poll(() => isAlive(started[0]!)).toBe(false);
  });

  it("is closed to the machine's loopback unless that is wished", async (context) => {
    needs(context, program);
    await startOutbound(anchor, { programs: [program] });
    expect(await inside("ip route show default")).toContain(outboundGateway);
    expect(await ask()).toBe("");
  });
});

describe("an ordinary user", () => {
  it("gets a way out that ends with the host", async (context) => {
    needs(context, programs[0]);
    using user = await becomeOrdinaryUser();
    const fixture = join(import.meta.dirname, "fixtures", "start.ts");
    const [file, args] = user.command([
      process.execPath,
      fixture,
      "detached",
      user.home,
      "outbound",
    ]);
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const { anchor: theirs } = JSON.parse(line) as { anchor: Anchor };
    await expect.poll(() => leadingOut(theirs)).toHaveLength(1);
    const started = leadingOut(theirs);
    await stopAnchor(theirs, user.home);
    await expect.poll(() => isAlive(started[0]!)).toBe(false);
  });
});

it("says in one line that there is no way out", async () => {
  const outbound = await startOutbound(anchor, { programs: [] });
  expect(outbound.available).toBe(false);
  expect(outbound).toMatchObject({ reason: expect.stringMatching(/^Guests .*slirp4netns.*\.$/) });
});
