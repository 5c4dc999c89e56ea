/** Actions on VMs: started, stopped, rebooted and reset, whatever happens in between. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { provider } from "../harness/provider.ts";

let rack1: CoreAgent;
let rack2: CoreAgent;
let vm_id: string;
beforeEach(async () => {
  [rack1, rack2] = [await CoreAgent.start(), await CoreAgent.start({ name: "rack2" })];
  const { world } = rack2;
  await world.furnish();
  await world.put("vm", world.vm("web", { shutdown_timeout: "10s" }));
  await world.quiet();
  vm_id = world.id("vm web");
});
afterEach(() => Promise.all([rack1, rack2].map((agent) => agent[Symbol.asyncDispose]())));

const invoke = async (verb: string, config: object = {}, before?: object) => {
  const core = await provider([rack1, rack2]);
  return rack2.during(core.invoke(`lodge_vm_${verb}`, { vm_id, ...config }, before));
};
const status = async () => (await rack2.world.get("vm", "web"))!.status;
const spec = async () => (await rack2.world.get("vm", "web"))!.spec;

test("start and stop change the wish, wait for it, and do nothing twice", async () => {
  expect(await invoke("start")).toEqual(["web is running"]);
  expect((await rack2.world.get("vm", "web"))!.specRevision).toBe(1);
  const stopped = await invoke("stop");
  expect(stopped[0]).toBe("web is running");
  expect(stopped.at(-1)).toMatch(/^web is stopped/u);
  expect([await spec(), await status()]).toMatchObject([
    { power_state: "stopped" },
    { actual_power_state: "stopped" },
  ]);
  expect(await invoke("stop")).toEqual(["web is stopped"]);
  const started = await invoke("start");
  expect(started.at(-1)).toBe("web is running");
  expect(await status()).toMatchObject({ boots: 2, actual_power_state: "running" });
});

test("start wakes a guest that powered itself off", async () => {
  rack2.world.hypervisor.guestPowersOff(vm_id);
  await rack2.world.quiet();
  expect(await status()).toMatchObject({ reason: "GUEST_SHUTDOWN" });
  expect((await invoke("start")).at(-1)).toBe("web is running");
});

test.each(["reboot", "reset"])(
  "%s starts the guest anew, with what has changed since",
  async (verb) => {
    await rack2.world.put("vm", rack2.world.vm("web", { memory: "256MiB" }));
    await rack2.world.quiet();
    const { boot_id } = await status();
    const told = await invoke(verb);
    expect([told[0], told.at(-1)]).toEqual(["web is running", "web is running again"]);
    expect(await status()).toMatchObject({ boots: 2, restart_required: [] });
    expect((await status()).boot_id).not.toBe(boot_id);
    expect((await rack2.world.get("vm", "web"))!.specRevision).toBe(2);
  },
);

test.each(["reboot", "reset"])(
  "%s waits for a guest that is about to run, and ends that one alone",
  async (verb) => {
    await invoke("stop");
    const { world } = rack2;
    const held = Promise.withResolvers<void>();
    world.hypervisor.faults.hook = (method) => (method === "start" ? held.promise : undefined);
    await world.put("vm", world.vm("web", { shutdown_timeout: "10s" }));
    await expect.poll(async () => (await status()).phase).toBe("starting");
    const asked: string[] = [];
    rack2.stands.set("VmService/Restart", async (request, context, handler) => {
      const answer = await (handler(request as never, context) as Promise<unknown>);
      // Its answer is lost: it is asked for again.
      if (asked.push(request.bootId) === 1) rack2.cut();
      return answer;
    });
    const core = await provider([rack1, rack2]);
    rack2.calls.clear();
    const restarting = core.invoke(`lodge_vm_${verb}`, { vm_id });
    await expect.poll(() => rack2.calls.get("VmService/Watch")).toBe(1);
    expect(rack2.calls.has("VmService/Restart")).toBe(false);
    held.resolve();
    const told = await rack2.during(restarting);
    expect([told[0], told.at(-1)]).toEqual(["web is starting", "web is running again"]);
    const { boots, boot_id } = await status();
    expect(boots).toBe(3);
    expect(asked).toEqual([expect.stringMatching(/^.{36}$/u), asked[0]]);
    expect(asked[0]).not.toBe(boot_id);
  },
);

test("a guest that does not heed a reboot is ended when its time is over", async () => {
  rack2.world.hypervisor.obedient = false;
  await invoke("reboot");
  expect(await status()).toMatchObject({ boots: 2, phase: "running" });
  expect((await status()).events.map(({ type }) => type)).toContain("forced_stop");
});

describe("an error is", () => {
  test("a VM that is nowhere, at plan where it is known", async () => {
    const other = vm_id.replace(/^./u, (digit) => (digit === "0" ? "1" : "0"));
    const message = `No host has a VM with the id ${other}. (at vm_id)`;
    await expect(invoke("reset", { vm_id: other })).rejects.toThrow(
      `Unable to plan lodge_vm_reset: ${message}`,
    );
    const later = { vm_id: unknown };
    await expect(invoke("reset", { vm_id: other }, later)).rejects.toThrow(
      `Unable to invoke lodge_vm_reset: ${message}`,
    );
    await expect(invoke("reset", { vm_id: "web" })).rejects.toThrow(
      /must be the id \(a lower-case UUID\) of an object, not its name/u,
    );
  });

  test.each(["reboot", "reset"])("%s of a VM that does not run", async (verb) => {
    await invoke("stop");
    await expect(invoke(verb)).rejects.toThrow(
      new RegExp(
        `Unable to invoke lodge_vm_${verb}: The VM web does not run. Start it instead.`,
        "u",
      ),
    );
  });

  test.each(["reboot", "reset"])("%s of a VM whose start has failed", async (verb) => {
    await invoke("stop");
    const { world } = rack2;
    world.hypervisor.faults.hook = (method) => {
      if (method === "start") throw lodgeError("QEMU_FAILED", "QEMU did not start.");
    };
    await world.put("vm", world.vm("web"));
    await world.quiet();
    await expect(invoke(verb)).rejects.toThrow("The VM web has failed: QEMU did not start.");
  });

  test("what does not come true in time, and it goes on by itself", async () => {
    rack2.world.hypervisor.obedient = false;
    const core = await provider([rack2]);
    await expect(core.invoke("lodge_vm_stop", { vm_id, timeout: "1s" })).rejects.toThrow(
      "The VM web is not stopped after 1s; it goes on without Terraform. Raise timeout",
    );
    expect((await spec()).power_state).toBe("stopped");
  });

  test("a VM that is deleted meanwhile", async () => {
    rack2.world.hypervisor.obedient = false;
    const core = await provider([rack2]);
    const rebooting = core.invoke("lodge_vm_reboot", { vm_id });
    await expect.poll(async () => (await status()).phase).toBe("stopping");
    await rack2.world.core.services.vm.delete(vm_id);
    await expect(rack2.during(rebooting)).rejects.toThrow(/was deleted meanwhile/u);
  });

  test("an agent that is too old, in words that say so", async () => {
    await using old = await CoreAgent.start({ name: "rack3", without: ["VmService/Restart"] });
    await old.world.furnish();
    await old.world.put("vm", old.world.vm("web"));
    await old.world.quiet();
    const core = await provider([old]);
    await expect(core.invoke("lodge_vm_reset", { vm_id: old.world.id("vm web") })).rejects.toThrow(
      "The agent of rack3 is too old to restart a guest. Upgrade it, or use lodge_vm_stop and lodge_vm_start.",
    );
  });

  test("a host that is silent, when it is invoked and not before", async () => {
    // Only a plan looks through the lists; that it gave no answer is what the provider makes of its own time.
    let asked = 0;
    rack2.stands.set("VmService/List", () => {
      asked++;
      throw lodgeError("DEADLINE_EXCEEDED", "no answer");
    });
    await expect(invoke("stop")).rejects.toThrow(
      /^Unable to invoke lodge_vm_stop: .* given no answer within/u,
    );
    expect(asked).toBeGreaterThan(0);
    rack2.stands.set("VmService/List", () => {
      throw lodgeError("NOT_ALLOWED", "ann may not call List.");
    });
    await expect(invoke("stop")).rejects.toThrow(/^Unable to plan lodge_vm_stop: ann may not/u);
  });

  test("a host that cannot be reached, when it is invoked and not before", async () => {
    await rack2.hide();
    await expect(invoke("stop")).rejects.toThrow(
      /^Unable to invoke lodge_vm_stop: .* cannot be reached/u,
    );
  });
});

test("an edit that comes between is kept", async () => {
  const { world } = rack2;
  let edits = 0;
  rack2.stands.set("VmService/Put", async (request, context, handler) => {
    if (edits++ === 0) await world.put("vm", world.vm("web", { cpus: 2 }));
    return handler(request as never, context);
  });
  await invoke("stop");
  expect(await spec()).toMatchObject({ cpus: 2, power_state: "stopped" });
});

test("an answer that is lost restarts nothing twice", async () => {
  let calls = 0;
  rack2.stands.set("VmService/Restart", async (request, context, handler) => {
    const answer = await (handler(request as never, context) as Promise<unknown>);
    if (calls++ === 0) rack2.cut();
    return answer;
  });
  await invoke("reset");
  expect(calls).toBe(2);
  expect((await status()).boots).toBe(2);
});
