/** Waits of an apply: what they make of a VM that is not ready, and that no wait ever costs one. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import { isUnknown, unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { CoreAgent, type Stand } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
let core: Core;
beforeEach(async () => {
  agent = await CoreAgent.start();
  await agent.world.furnish();
  core = await provider([agent]);
});
afterEach(() => agent[Symbol.asyncDispose]());

const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
const web = (wait_for: object | null) => ({
  name: "web",
  memory: "128MiB",
  nics: { eth0: nic },
  wait_for,
});

const apply = (item: Instance | undefined, config: object) =>
  attempt(core, "lodge_vm", item, config);

/** What a plan would set, and what is only known after it. */
async function changes(item: Instance, config: object) {
  const { action, prior, planned } = await core.plan("lodge_vm", item, config);
  const [before, after] = [plainValue(prior), plainValue(planned)] as Record<string, unknown>[];
  const names = Object.keys(after!).filter(
    (name) => JSON.stringify(before![name]) !== JSON.stringify(after![name]),
  );
  return {
    action,
    open: names.filter((name) => isUnknown(after![name] as never)),
    set: names.filter((name) => !isUnknown(after![name] as never)),
  };
}

describe("a wait that fails", () => {
  const silent = web({ console: "login:", timeout: "3s" });

  test("when the VM is made is a warning that names it; the next plan waits again", async () => {
    const first = await apply(undefined, silent);
    expect(first.error).toBeUndefined();
    expect(first.instance).toMatchObject({ tainted: false });
    expect(attributes(first.instance!)).toMatchObject({
      ready: false,
      actual_power_state: "running",
      ipv4_address: "10.20.0.10",
    });
    expect(first.warnings).toEqual([
      expect.stringMatching(
        /^The VM web is made, and not ready: The wait for "login:" on the console has failed\. It did not come within 3s/u,
      ),
    ]);
    expect(await changes(first.instance!, silent)).toEqual({
      action: "update",
      set: [],
      open: ["ready", "restart_required"],
    });
  });

  test("at an update is an error, which does not taint, and is over once it comes true", async () => {
    const { instance } = await apply(undefined, silent);
    const again = await apply(instance, silent);
    expect(again.error).toMatch(
      /^Unable to update lodge_vm: The wait for "login:" on the console has failed\./u,
    );
    expect(again.instance).toMatchObject({ tainted: false });
    expect(attributes(again.instance!)["ready"]).toBe(false);
    const { id } = attributes(again.instance!);
    agent.world.hypervisor.guestPrints(id, "web lo");
    agent.world.hypervisor.guestPrints(id, "gin: ");
    const then = await apply(again.instance, silent);
    expect([then.error, then.warnings]).toEqual([undefined, []]);
    expect(attributes(then.instance!)).toMatchObject({ id, ready: true });
    expect((await changes(then.instance!, silent)).action).toBe("no-op");
    expect(await agent.world.store.get("vm", id)).toMatchObject({
      specRevision: 1,
      status: { boots: 1 },
    });
  });

  test("with on_timeout = fail is an error, and taints", async () => {
    const { instance, error } = await apply(
      undefined,
      web({ console: "login:", timeout: "3s", on_timeout: "fail" }),
    );
    expect(error).toMatch(
      /^Unable to create lodge_vm: The wait for "login:" on the console has failed/u,
    );
    expect(instance).toMatchObject({ tainted: true });
    expect((await core.plan("lodge_vm", instance, web(null))).action).toBe("replace");
  });

  test("is the only one that is named", async () => {
    const started = apply(undefined, web({ ipv4: true, tcp_port: 22, timeout: "3s" }));
    let vm;
    do {
      await new Promise((resolve) => setTimeout(resolve, 5));
      vm = (await agent.world.store.list("vm")).records[0];
    } while (vm?.status.phase !== "running");
    expect(agent.world.networks.boot(vm.id, "eth0")).toBe(true);
    const { warnings, instance } = await started;
    expect(warnings).toEqual([expect.stringMatching(/The wait for TCP port 22 has failed\./u)]);
    agent.world.networks.serve(nic.network_id, "10.20.0.10", 22, (connection) => connection.end());
    const then = await apply(instance, web({ ipv4: true, tcp_port: 22, timeout: "10s" }));
    expect(attributes(then.instance!)["ready"]).toBe(true);
  });
});

describe("an update of a guest that runs and has shown what was waited for", () => {
  /** A VM whose console has forgotten the text, and how often it was read since. */
  async function forgetful() {
    const printing = agent.world.hypervisor.start.bind(agent.world.hypervisor);
    agent.world.hypervisor.start = async (config, signal) => {
      const machine = await printing(config, signal);
      setImmediate(() => agent.world.hypervisor.guestPrints(config.vmId, "login: "));
      return machine;
    };
    const { instance } = await apply(undefined, web({ console: "login:", timeout: "30s" }));
    expect(attributes(instance!)["ready"]).toBe(true);
    agent.world.hypervisor.guestPrints(attributes(instance!)["id"], "x".repeat(2 ** 21));
    agent.counted();
    return instance!;
  }
  const waits = () => agent.counted()["VmService/Console"] ?? 0;
  const wait_for = { console: "login:", timeout: "30s" };

  test.each<[string, object, number]>([
    ["of something else does not wait again", { wait_for, deletion_protection: true }, 0],
    ["of the wait's time alone does not", { wait_for: { ...wait_for, timeout: "40s" } }, 0],
    ["that adds a text does not: it may be gone", { wait_for: { console: "Welcome" } }, 0],
    ["that boots it does", { wait_for, cpus: 2, on_restart_required: "restart" }, 1],
  ])("%s", async (_, more, expected) => {
    const item = await forgetful();
    const { error, instance } = await agent.during(apply(item, { ...web(null), ...more }));
    expect(error).toBeUndefined();
    expect(attributes(instance!)["ready"]).toBe(true);
    expect(waits()).toBe(expected);
    expect((await changes(instance!, { ...web(null), ...more })).action).toBe("no-op");
  });

  test("waits for a port that was not asked for before, until it comes, and for nothing else", async () => {
    const item = await forgetful();
    const config = web({ console: "login:", tcp_port: 22, timeout: "3s" });
    const { error, instance } = await apply(item, config);
    expect(error).toMatch(/The wait for TCP port 22 has failed/u);
    expect(attributes(instance!)["ready"]).toBe(false);
    agent.world.networks.serve(nic.network_id, "10.20.0.10", 22, (connection) => connection.end());
    const then = await apply(instance, config);
    expect(then.error).toBeUndefined();
    expect(attributes(then.instance!)["ready"]).toBe(true);
    expect(waits()).toBe(0);
  });

  test("does not wait again after an update that has failed otherwise", async () => {
    const item = await forgetful();
    const config = { ...web(wait_for), memory: "256MiB" };
    agent.stands.set("VmService/Watch", () => {
      throw lodgeError("QEMU_FAILED", "Nobody may watch.");
    });
    const { error, instance } = await apply(item, config);
    expect(error).toMatch(/Nobody may watch/u);
    expect(attributes(instance!)["ready"]).toBe(false);
    agent.stands.clear();
    const then = await apply(instance, config);
    expect(then.error).toBeUndefined();
    expect(attributes(then.instance!)).toMatchObject({ ready: true });
    expect(waits()).toBe(0);
  });

  test("waits for all of it where the guest has booted since the plan", async () => {
    const item = await forgetful();
    const { id } = attributes(item);
    const config = { ...web(wait_for), deletion_protection: true };
    const made = await core.plan("lodge_vm", item, config);
    await agent.world.core.restart({ id, bootId: "", force: true });
    await agent.world.quiet();
    const then = await core.resource("lodge_vm").apply(made, config);
    expect(attributes(then!)["ready"]).toBe(true);
    expect(waits()).toBe(1);
  });

  test("waits for the address that another primary interface has", async () => {
    const config = { ...web(null), nics: { eth0: nic, eth1: nic } };
    const { instance } = await apply(undefined, config);
    const { id } = attributes(instance!);
    expect(agent.world.networks.boot(id, "eth0")).toBe(true);
    const wait = { ...config, wait_for: { ipv4: true, timeout: "3s" } };
    const first = await apply(instance, wait);
    expect(first.error).toBeUndefined();
    const second = { ...wait, primary_nic: "eth1" };
    expect((await apply(first.instance, second)).error).toMatch(/to acknowledge its address/u);
    expect(agent.world.networks.boot(id, "eth1")).toBe(true);
    expect((await apply(first.instance, second)).error).toBeUndefined();
  });

  test("does not wait for an interface that the guest gets at its next boot", async () => {
    const { instance } = await apply(undefined, web(null));
    expect(agent.world.networks.boot(attributes(instance!)["id"], "eth0")).toBe(true);
    const wait_for = { ipv4: true, timeout: "3s" };
    const config = { ...web(wait_for), nics: { eth0: nic, eth1: nic }, primary_nic: "eth1" };
    const { error, instance: then } = await apply(instance, config);
    expect(error).toBeUndefined();
    expect(attributes(then!)).toMatchObject({ ready: true, restart_required: ["nics.eth1"] });
  });

  test("waits for all of it once it was not ready", async () => {
    const item = await forgetful();
    agent.world.hypervisor.guestPowersOff(attributes(item)["id"]);
    await agent.world.quiet();
    core = await provider([agent]);
    const { error, instance } = await agent.during(apply(item, web(wait_for)));
    expect(error).toBeUndefined();
    expect(attributes(instance!)).toMatchObject({ ready: true, actual_power_state: "running" });
    expect(waits()).toBe(1);
  });
});

describe("a wait for a text", () => {
  test("goes on where the console ends, or the agent is away", async () => {
    const answers = [
      async function* () {
        yield { output: Buffer.from("log") };
      },
      async function* () {
        yield { output: Buffer.from("booting\n") };
        throw lodgeError("SERVER_CLOSING", "The server is being stopped.");
      },
      async function* () {
        yield { output: Buffer.from("lo") };
        yield { output: Buffer.from("gin: ") };
      },
    ];
    agent.stands.set("VmService/Console", () => answers.shift()!());
    const { error, warnings, instance } = await apply(undefined, web({ console: "login:" }));
    expect([error, warnings]).toEqual([undefined, []]);
    expect(attributes(instance!)["ready"]).toBe(true);
    expect(answers).toEqual([]);
  });
});

describe("a wait for an address", () => {
  const { network_id } = nic;
  const certain = { ...nic, ipv4_address: "10.20.0.12" };
  const refused = (name: string) =>
    new RegExp(
      `^Invalid combination at wait_for\\.${name}: .* the primary interface has an ipv4_pool_id\\. \\(at wait_for\\.${name}\\)$`,
      "mu",
    );
  const plan = (members: object, wait_for: unknown) =>
    core.plan("lodge_vm", undefined, { ...web(null), ...members, wait_for });

  test.each<[string, object]>([
    ["without interfaces", { nics: null }],
    ["with none", { nics: {} }],
    ["whose first interface has no pool", { nics: { eth0: { network_id }, eth1: nic } }],
    [
      "whose primary interface has no pool",
      { nics: { a: nic, b: { network_id } }, primary_nic: "b" },
    ],
    ["whose network is not known yet", { nics: { eth0: { network_id: unknown } } }],
    ["with no pool at all", { nics: { eth0: { network_id } }, primary_nic: unknown }],
  ])("is refused at the plan of a VM %s", async (_, members) => {
    await expect(plan(members, { ipv4: true })).rejects.toThrow(refused("ipv4"));
    await expect(plan(members, { tcp_port: 22 })).rejects.toThrow(refused("tcp_port"));
    for (const wait_for of [null, unknown, { ipv4: false, console: "up" }, { ipv4: unknown }])
      await core.resource("lodge_vm").validate({ ...web(null), ...members, wait_for });
  });

  test.each<[string, object]>([
    ["whose interface has a pool", {}],
    ["and a certain address", { nics: { eth0: certain, eth1: { network_id } } }],
    ["whose pool is not known yet", { nics: { eth0: { network_id, ipv4_pool_id: unknown } } }],
    ["whose interfaces are not known yet", { nics: unknown }],
    ["whose interface is not known yet", { nics: { eth0: unknown } }],
    ["with a pool somewhere", { nics: { eth0: nic, a: { network_id } }, primary_nic: unknown }],
    ["that shall be off", { nics: null, power_state: "stopped" }],
    ["that may be off", { nics: null, power_state: unknown }],
  ])("is planned for a VM %s", async (_, members) => {
    expect((await plan(members, { ipv4: true, tcp_port: 22 })).action).toBe("create");
  });
});

test("nothing is waited for where the VM shall be off", async () => {
  const off = { ...web({ console: "login:", timeout: "3s" }), power_state: "stopped" };
  const { instance, warnings } = await apply(undefined, off);
  expect([attributes(instance!)["ready"], warnings]).toEqual([true, []]);
});

describe("a VM that does not start", () => {
  const unlucky = () => lodgeError("QEMU_FAILED", "QEMU did not start: out of luck.");

  test("is an error, in the state and tainted: its guest has never run", async () => {
    agent.world.hypervisor.faults.hook = (method) => {
      if (method === "start") throw unlucky();
    };
    const first = await apply(undefined, web(null));
    expect(first.error).toMatch(
      /^Unable to create lodge_vm: The VM web has failed: QEMU did not start: out of luck\..* Its guest has never run\. It is tainted,/u,
    );
    expect(first.instance).toMatchObject({ tainted: true });
    expect(attributes(first.instance!)).toMatchObject({
      ready: false,
      actual_power_state: "stopped",
    });
    agent.world.hypervisor.faults.hook = undefined;
    const then = await apply(first.instance, web(null));
    expect(attributes(then.instance!)).toMatchObject({
      ready: true,
      actual_power_state: "running",
    });
    expect((await agent.world.store.list("vm")).records).toHaveLength(1);
  });

  test("at the first try, and does at the next, is made", async () => {
    agent.world.hypervisor.faults.failNext("start", unlucky());
    const { instance, error, warnings } = await agent.during(apply(undefined, web(null)));
    expect([error, warnings]).toEqual([undefined, []]);
    expect(attributes(instance!)).toMatchObject({ ready: true, actual_power_state: "running" });
  });

  test("again, after its guest has run, is kept with a warning", async () => {
    agent.world.hypervisor.faults.failNext("start", unlucky());
    const stand: Stand = async function* (request, context, handler) {
      const events = handler(request as never, context);
      for await (const event of events as AsyncIterable<{
        object?: { status?: { boots: number } };
      }>) {
        if (event.object?.status) event.object.status.boots = 1;
        yield event;
      }
    };
    agent.stands.set("VmService/Watch", stand);
    agent.stands.set("VmService/Get", async (request, context, handler) => {
      const vm = (await handler(request as never, context)) as { status: { boots: number } };
      return { ...vm, status: { ...vm.status, boots: 1 } };
    });
    const { instance, error, warnings } = await apply(undefined, web(null));
    expect([error, instance!.tainted]).toEqual([undefined, false]);
    expect(warnings).toEqual([expect.stringMatching(/^The VM web is made, and not ready: /u)]);
  });
});

test("the time that timeouts allows taints no VM, however its waits are to fail", async () => {
  const config = web({ console: "login:", on_timeout: "fail" });
  const { instance, error, warnings } = await apply(undefined, {
    ...config,
    timeouts: { create: "3s" },
  });
  expect([error, instance!.tainted]).toEqual([undefined, false]);
  expect(warnings).toEqual([expect.stringMatching(/The time that timeouts allows has passed/u)]);
});

test("the time that timeouts allows ends a create with what is there, and an update with an error", async () => {
  const { hypervisor } = agent.world;
  const held = Promise.withResolvers<void>();
  hypervisor.faults.hook = (method) => (method === "start" ? held.promise : undefined);
  const config = { ...web(null), timeouts: { create: "3s", update: "3s" } };
  const first = await apply(undefined, config);
  expect(attributes(first.instance!)).toMatchObject({
    ready: false,
    actual_power_state: "stopped",
  });
  expect(first.warnings).toEqual([
    expect.stringMatching(/did not get there in the time that timeouts allows/u),
  ]);
  const again = await apply(first.instance, config);
  expect(again).toMatchObject({
    error: expect.stringMatching(/^Unable to update lodge_vm: .* timeouts allows/u),
    instance: { tainted: false },
  });
  held.resolve();
  const then = await apply(again.instance, config);
  expect(attributes(then.instance!)["ready"]).toBe(true);
});
