import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createServer, connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { PowerState } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { runningVm, startFakeAgent, type FakeAgent } from "../harness/fake-agent.ts";
import { lodge, start } from "../harness/terminal.ts";

let agent: FakeAgent;
let env: Record<string, string>;

beforeAll(async () => {
  agent = await startFakeAgent();
  env = { LODGE_AGENT_DIR: agent.directory };
});
afterAll(() => agent[Symbol.asyncDispose]());
beforeEach(() => {
  agent.vms.set(runningVm("web", "6f1b8d9e-0000-4000-8000-0000000000aa"));
});

describe("vm console", () => {
  it("shows history, then what comes, types what is typed, and leaves by ~.", async () => {
    agent.say("login: ");
    const running = start(["vm", "console", "web"], { env, tty: true });
    await running.printed("login: ");
    expect(running.stdin.raw).toBe(true);
    running.stdin.write("root\r");
    agent.say("Password: ");
    await running.printed("Password: ");
    await expect.poll(() => agent.typed()).toBe("root\r");
    running.stdin.write("~.");
    expect(await running.exitCode).toBe(0);
    expect(running.stdin.raw).toBe(false);
  });

  it("serves several at once, and ends by Ctrl-C on a pipe", async () => {
    const both = [
      start(["vm", "console", "web"], { env }),
      start(["vm", "console", "web"], { env }),
    ];
    agent.say("boot finished");
    await Promise.all(both.map((one) => one.printed("boot finished")));
    for (const one of both) one.interrupt();
    expect(await Promise.all(both.map((one) => one.exitCode))).toEqual([130, 130]);
  });

  it("keeps listening after the end of a pipe", async () => {
    const running = start(["vm", "console", "web"], { env });
    await running.printed("login: ");
    running.stdin.end("uptime\n");
    await new Promise((resolve) => setImmediate(resolve));
    agent.say("up 3 days");
    await running.printed("up 3 days");
    await expect.poll(() => agent.typed()).toContain("uptime\n");
    running.interrupt();
    await running.exitCode;
  });

  it("prints history alone, as JSON lines", async () => {
    const { stdout, exitCode } = await lodge(["vm", "console", "web", "--history", "-o", "json"], {
      env,
    });
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout).output).toContain("login: Password: ");
  });
});

/** A service of the guest, and a forward that leads to it; disposing of it ends both. */
async function forwarded(serve: (socket: Socket) => void) {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const running = start(["vm", "forward", "web", String(port), "-o", "json"], { env });
  await running.printed("local_port");
  const { local_port: local } = JSON.parse(running.stdout());
  return {
    dial: () => connect({ port: local, host: "127.0.0.1", allowHalfOpen: true }),
    async [Symbol.asyncDispose]() {
      running.interrupt();
      const exitCode = await running.exitCode;
      server.close();
      expect(exitCode).toBe(130);
    },
  };
}

describe("vm forward", () => {
  it("carries several connections, half-closed ones too", async () => {
    await using forward = await forwarded((socket) => {
      void text(socket).then((all) => socket.end(`got ${all.length}`));
    });
    const answers = [1, 100_000, 3_000_000].map((size) => {
      const socket = forward.dial();
      socket.end("x".repeat(size));
      return text(socket);
    });
    expect(await Promise.all(answers)).toEqual(["got 1", "got 100000", "got 3000000"]);
  });

  it("passes on the guest's end at once, and what its peer says after it", async () => {
    const heard = Promise.withResolvers<string>();
    await using forward = await forwarded((socket) => {
      socket.end("bye");
      void text(socket).then(heard.resolve);
    });
    const socket = forward.dial();
    let said = "";
    socket.on("data", (data: Buffer) => (said += data.toString()));
    await once(socket, "end");
    socket.end("late");
    expect(said).toBe("bye");
    expect(await heard.promise).toBe("late");
  });

  it("says on standard error why a connection ended", async () => {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));
    const running = start(["vm", "forward", "web", `0:${port}`], { env });
    await running.printed("leads to port");
    const local = Number(/127\.0\.0\.1:(\d+)/u.exec(running.stdout())![1]);
    const socket = connect(local, "127.0.0.1");
    expect(await text(socket).catch(() => "")).toBe("");
    await running.printed("The guest did not accept the connection.", "stderr");
    running.interrupt();
    await running.exitCode;
  });

  it("says before it listens that nothing can be reached, and how it could", async () => {
    agent.vms.set(runningVm("idle", "6f1b8d9e-0000-4000-8000-0000000000bb"));
    const actualPowerState = PowerState.RUNNING;
    const forward = (...nic: string[]) => lodge(["vm", "forward", "idle", "80", ...nic], { env });
    const title = "VM idle (6f1b8d9e-0000-4000-8000-0000000000bb)";
    const refusal = (stderr: string) => ({ exitCode: 1, stdout: "", stderr });

    agent.vms.update("idle", { actualPowerState });
    expect(await forward()).toEqual(
      refusal(
        `Error: ${title} has no network interface. (NO_ADDRESS)\n` +
          "Give it one in `nics`, with an `ipv4_pool_id`.\n",
      ),
    );
    const nic = { name: "eth0", networkId: "6f1b8d9e-0000-4000-8000-000000000002" };
    agent.vms.update("idle", { actualPowerState, nicStatus: [nic] });
    expect(await forward()).toEqual(
      refusal(
        `Error: Interface eth0 of ${title} has no address. (NO_ADDRESS)\n` +
          "Give it an `ipv4_pool_id`, so that Lodge knows its address.\n",
      ),
    );
    expect(await forward("--nic", "eth9")).toEqual(
      refusal(`Error: ${title} has no interface eth9; it has eth0. (REQUEST_INVALID)\n`),
    );
    agent.vms.update("idle", { actualPowerState: PowerState.STOPPED });
    expect(await forward()).toEqual(
      refusal(
        `Error: ${title} does not run. (VM_NOT_RUNNING)\n\`lodge vm start idle\` starts it.\n`,
      ),
    );
  });

  it("says that its port is taken, which is no fault of the command line", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      expect(await lodge(["vm", "forward", "web", `${port}:80`], { env })).toEqual({
        exitCode: 1,
        stdout: "",
        stderr:
          `Error: 127.0.0.1:${port} cannot be listened at (EADDRINUSE). (PORT_UNAVAILABLE)\n` +
          "Choose another local port, or none for any free one.\n",
      });
    } finally {
      server.close();
    }
  });

  it("refuses what is no port", async () => {
    const { stderr, exitCode } = await lodge(["vm", "forward", "web", "http"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toBe("Error: http is no port: give PORT or LOCAL:PORT, such as 8080:80.\n");
  });
});
