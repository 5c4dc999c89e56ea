import { VmPhase, PowerState } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { runningVm, startFakeAgent, type FakeAgent } from "../harness/fake-agent.ts";
import { lodge, start } from "../harness/terminal.ts";

const webId = "6f1b8d9e-0000-4000-8000-0000000000aa";
const dbId = "6f1b8d9e-0000-4000-8000-0000000000bb";
let agent: FakeAgent;
let env: Record<string, string>;

beforeAll(async () => {
  agent = await startFakeAgent();
  env = { LODGE_AGENT_DIR: agent.directory };
});
afterAll(() => agent[Symbol.asyncDispose]());
beforeEach(() => {
  agent.vms.set(runningVm("web", webId));
  const db = runningVm("db", dbId) as object;
  agent.vms.set({
    ...db,
    status: {
      phase: VmPhase.STOPPED,
      reason: "GUEST_SHUTDOWN",
      message: "the guest powered itself off",
    },
  });
});

describe("vm list", () => {
  it("shows a table, by name", async () => {
    const { stdout, exitCode } = await lodge(["vm", "list"], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toMatchInlineSnapshot(`
      "NAME  PHASE    ADDRESS     CPUS  MEMORY  ID                                    NOTE
      db    stopped                 2    2GiB  6f1b8d9e-0000-4000-8000-0000000000bb  the guest powered itself off
      web   running  10.20.0.10     2    2GiB  6f1b8d9e-0000-4000-8000-0000000000aa
      "
    `);
  });

  it("shows stable JSON: names of the specs, bytes, written durations, ISO times", async () => {
    const { stdout } = await lodge(["vm", "list", "--output", "json"], { env });
    const [, web] = JSON.parse(stdout);
    delete web.meta.sequence;
    expect(web).toMatchInlineSnapshot(`
      {
        "meta": {
          "claimed": true,
          "create_time": "2026-01-02T03:04:05.000Z",
          "creator": "tester",
          "host": "fake",
          "id": "6f1b8d9e-0000-4000-8000-0000000000aa",
          "observed_revision": 3,
          "spec_revision": 3,
        },
        "spec": {
          "boot_order": [],
          "cpus": 2,
          "disks": {
            "root": {
              "image_id": "6f1b8d9e-0000-4000-8000-000000000001",
            },
          },
          "memory": 2147483648,
          "name": "web",
          "nics": {
            "eth0": {
              "network_id": "6f1b8d9e-0000-4000-8000-000000000002",
            },
          },
          "power_state": "running",
          "shutdown_timeout": "1m",
        },
        "status": {
          "actual_power_state": "running",
          "boots": 1,
          "disk_status": [
            {
              "disk_id": "6f1b8d9e-0000-4000-8000-000000000003",
              "name": "root",
              "size_bytes": 10737418240,
            },
          ],
          "events": [
            {
              "message": "created by tester",
              "time": "2026-01-02T03:04:05.000Z",
              "type": "created",
            },
            {
              "message": "runs",
              "time": "2026-01-02T03:04:06.000Z",
              "type": "started",
            },
          ],
          "message": "",
          "nic_status": [
            {
              "acknowledged": true,
              "ipv4_address": "10.20.0.10",
              "mac": "52:54:0a:14:00:0a",
              "name": "eth0",
              "network_id": "6f1b8d9e-0000-4000-8000-000000000002",
            },
          ],
          "phase": "running",
          "pid": 4711,
          "reason": "",
          "restart_required": [],
          "started_at": "2026-01-02T03:04:06.000Z",
        },
      }
    `);
  });

  it("prints names alone", async () => {
    const { stdout } = await lodge(["vm", "list", "-q"], { env });
    expect(stdout).toBe("db\nweb\n");
  });

  it("uses colour on a terminal, and not under NO_COLOR", async () => {
    const coloured = await lodge(["vm", "list"], { env, tty: true });
    const plain = await lodge(["vm", "list"], { env: { ...env, NO_COLOR: "1" }, tty: true });
    expect(coloured.stdout).toContain("\u001B[32mrunning");
    expect(plain.stdout).not.toContain("\u001B");
  });
});

describe("vm show", () => {
  it("shows wish and fact", async () => {
    const { stdout } = await lodge(["vm", "show", "web"], { env });
    expect(stdout).toMatchInlineSnapshot(`
      "name        web
      id          6f1b8d9e-0000-4000-8000-0000000000aa
      host        fake
      phase       running
      power       running
      cpus        2
      memory      2GiB
      boots from  root
      created     2026-01-02T03:04:05.000Z
      started     2026-01-02T03:04:06.000Z
      process     4711
      boots       1
      revision    3, applied 3

      NIC   ADDRESS     MAC                DHCP          NETWORK
      eth0  10.20.0.10  52:54:0a:14:00:0a  acknowledged  6f1b8d9e-0000-4000-8000-000000000002

      DISK   SIZE  ID                                    OWNED BY
      root  10GiB  6f1b8d9e-0000-4000-8000-000000000003  this VM
      "
    `);
  });

  it("tells a disk of the VM's own from one that has a resource", async () => {
    const diskId = "6f1b8d9e-0000-4000-8000-000000000004";
    const spec = { name: "web", disks: { data: { diskId } } };
    agent.vms.set({ meta: { id: webId }, spec });
    agent.vms.update("web", { diskStatus: [{ name: "data", diskId, sizeBytes: 2n ** 30n }] });
    const { stdout } = await lodge(["vm", "show", "web"], { env });
    expect(stdout).toMatch(/^data +1GiB +6f1b8d9e-0000-4000-8000-000000000004 +a lodge_disk$/mu);
  });

  it("takes an id", async () => {
    const { stdout } = await lodge(["vm", "show", dbId, "-o", "json"], { env });
    expect(JSON.parse(stdout)).toMatchObject({ meta: { id: dbId }, spec: { name: "db" } });
  });

  it("says what to do about a VM that is not there", async () => {
    const { stderr, exitCode } = await lodge(["vm", "show", "nowhere"], { env });
    expect(exitCode).toBe(3);
    expect(stderr).toBe(
      "Error: There is no VM nowhere on this host. (NOT_FOUND)\n`lodge vm list` shows those that are here.\n",
    );
  });
});

describe("vm log", () => {
  it("shows events, and follows those that come", async () => {
    const running = start(["vm", "log", "web", "--follow", "-o", "json"], { env });
    await running.printed("runs");
    const web = agent.vms.get("web")!;
    const entry = { time: timestampFromMs(Date.UTC(2026, 0, 3)), type: "stopped", message: "off" };
    const events = [...web.status!.events.slice(1), entry];
    agent.vms.update("web", { phase: VmPhase.RUNNING, events });
    await running.printed("stopped");
    running.interrupt();
    expect(await running.exitCode).toBe(130);
    const lines = running
      .stdout()
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type);
    expect(lines).toEqual(["created", "started", "stopped"]);
  });
});

describe("vm stop and start", () => {
  it("edits the wish from the revision that it was read at", async () => {
    const { stdout, exitCode } = await lodge(["vm", "stop", "web"], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toBe("web: will be stopped\n");
    expect(agent.vms.get("web")).toMatchObject({
      meta: { specRevision: 4n },
      spec: { powerState: PowerState.STOPPED, memory: 2n ** 31n },
    });
  });

  it("waits until it is so, with progress on standard error", async () => {
    const running = start(["vm", "stop", "web", "--wait"], { env });
    await running.printed("web: running", "stderr");
    agent.vms.update("web", { phase: VmPhase.STOPPING, message: "asked the guest" });
    await running.printed("web: stopping, asked the guest", "stderr");
    agent.vms.update("web", { phase: VmPhase.STOPPED }, true);
    expect(await running.exitCode).toBe(0);
    expect(running.stdout()).toBe("web: stopped\n");
    // A terminal shows both.
    expect(running.stderr()).toBe("web: running\nweb: stopping, asked the guest\n");
  });

  it("gives up after the timeout, and says so", async () => {
    const { stderr, exitCode } = await lodge(["vm", "stop", "web", "-w", "--timeout", "200ms"], {
      env,
    });
    expect(exitCode).toBe(6);
    expect(stderr).toContain("web is not stopped after 200ms; it goes on without us.");
  });

  it("tells of a failed start", async () => {
    const running = start(["vm", "start", "db", "--wait"], { env });
    await running.printed("db: stopped", "stderr");
    agent.vms.update("db", { phase: VmPhase.FAILED, reason: "DISK_FULL", message: "no space" });
    expect(await running.exitCode).toBe(1);
    expect(running.stderr()).toContain("Error: db has failed: no space");
  });
});

describe("host show", () => {
  it("shows what the agent says", async () => {
    const { stdout } = await lodge(["host", "show"], { env });
    expect(stdout).toMatchInlineSnapshot(`
      "name         fake
      agent        0.1.0, interface 1
      accelerator  tcg
      qemu         7.2.22, pc-q35-7.2
      cpus         2
      memory       8 GiB, 1 GiB promised to VMs
      images from  /images

      CAPABILITY      WHY
      kvm         no  the probe took 12800 ms
      uefi        no  no firmware is installed
      "
    `);
  });
});

describe("the agent that is meant", () => {
  it("is the flag's before the environment's", async () => {
    const { stderr, exitCode } = await lodge(["vm", "list", "--agent-dir", "/nonexistent"], {
      env,
    });
    expect(exitCode).toBe(4);
    expect(stderr).toContain("none is found in /nonexistent");
  });

  it("can be an endpoint with certificates", async () => {
    const remote = {
      LODGE_ENDPOINT: `unix:${agent.directory}/agent.sock`,
      LODGE_HOST: "fake",
      LODGE_CA_CERTIFICATE_FILE: `${agent.directory}/ca.pem`,
      LODGE_CLIENT_CERTIFICATE_FILE: `${agent.directory}/client.pem`,
      LODGE_CLIENT_KEY_FILE: `${agent.directory}/client.key`,
    };
    expect(await lodge(["vm", "list", "-q"], { env: remote })).toMatchObject({
      stdout: "db\nweb\n",
    });
    const stranger = await lodge(["vm", "list", "--host", "rack9"], { env: remote });
    expect(stranger).toMatchObject({ exitCode: 4 });
    expect(stranger.stderr).toContain("is for another host than rack9");
  });

  it("is said to be missing where nothing is configured", async () => {
    const { stderr, exitCode } = await lodge(["vm", "list"], { env: { HOME: "/nonexistent" } });
    expect(exitCode).toBe(4);
    expect(stderr).toContain("Start one with `lodge agent --dev`");
  });

  it("needs its certificates named", async () => {
    const { stderr, exitCode } = await lodge(["vm", "list", "--endpoint", "rack1:6800"], {
      env: {},
    });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("--ca-certificate-file, --client-certificate-file, --client-key-file");
  });
});

describe("help", () => {
  it.each([[["--help"]], [["vm", "--help"]], [["vm", "console", "--help"]], [["help", "doctor"]]])(
    "%j is no failure",
    async (args) => {
      const { exitCode } = await lodge(args, { env });
      expect(exitCode).toBe(args[1] === "doctor" ? 2 : 0);
    },
  );

  it.each(["vm", "vm list", "vm console", "completion", "host show"])(
    "of %s is the same, however it is asked for",
    async (words) => {
      const [first, ...rest] = words.split(" ") as [string, ...string[]];
      const asked = await lodge([first, ...rest, "--help"]);
      expect(asked.stdout).toContain(`Usage: lodge ${words} `);
      expect(await lodge(["help", first, ...rest])).toEqual(asked);
      if (first === "vm") expect(await lodge([first, "help", ...rest])).toEqual(asked);
    },
  );

  it.each([["help vm shw"], ["vm help shw"]])("%s names what there is", async (line) => {
    expect(await lodge(line.split(" "))).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining("Did you mean show?"),
    });
  });

  it("comes with what is wrong", async () => {
    const { stderr, exitCode } = await lodge(["vm", "shw"], { env });
    expect(exitCode).toBe(2);
    expect(stderr).toContain("unknown command 'shw'");
    expect(stderr).toContain("Did you mean show?");
  });
});
