/** Applies that are interrupted, and objects that cannot be made: what is in the state is what there is. */
import { createHash } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Faults } from "@lodge/agent/core/port/faults.fake.ts";
import { violatedInvariants } from "@lodge/agent/core/testing/invariants.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { CoreAgent } from "../harness/core-agent.ts";
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

const stop = () => void core.caller.call("stopProvider", {});
/** Holds what the host does until the test lets it go on; Ctrl-C comes meanwhile. */
function interruptAt<Method extends string>(faults: Faults<Method>, method: Method): () => void {
  const held = Promise.withResolvers<void>();
  faults.hook = (called) => {
    if (called !== method) return undefined;
    setTimeout(stop, 20);
    return held.promise;
  };
  return () => {
    faults.hook = undefined;
    held.resolve();
  };
}

/** Stops the provider as soon as it waits for a guest's console. */
function interruptInWait(): void {
  agent.stands.set("VmService/Console", (request: unknown, context, handler) => {
    agent.stands.delete("VmService/Console");
    setTimeout(stop, 20);
    return handler(request as never, context);
  });
}

describe("Ctrl-C", () => {
  const web = { name: "web", memory: "128MiB" };

  test("after a VM was accepted leaves it in the state, not ready and not tainted", async () => {
    const letGo = interruptAt(agent.world.hypervisor.faults, "start");
    const first = await attempt(core, "lodge_vm", undefined, web);
    expect(first).toMatchObject({
      error: undefined,
      instance: { tainted: false },
      warnings: [
        expect.stringMatching(
          /^The VM web is made, and not ready: The wait for the VM .* was interrupted; the agent carries on\./u,
        ),
      ],
    });
    letGo();
    await agent.world.quiet();
    const next = await attempt(await provider([agent]), "lodge_vm", first.instance, web);
    expect(attributes(next.instance!)).toMatchObject({
      id: attributes(first.instance!)["id"],
      ready: true,
    });
  });

  test("in a wait says so", async () => {
    const waiting = { ...web, wait_for: { console: "login:" } };
    interruptInWait();
    const { instance, error, warnings } = await attempt(core, "lodge_vm", undefined, waiting);
    expect([error, attributes(instance!)["ready"]]).toEqual([undefined, false]);
    expect(warnings).toEqual([
      expect.stringMatching(/The wait for "login:" on the console has failed\. .*interrupted/u),
    ]);
  });

  test("taints no VM, however its waits are to fail", async () => {
    const failing = { ...web, wait_for: { console: "login:", on_timeout: "fail" } };
    interruptInWait();
    const inTheWait = await attempt(core, "lodge_vm", undefined, failing);
    expect(inTheWait).toMatchObject({
      error: undefined,
      instance: { tainted: false },
      warnings: [expect.stringMatching(/The wait for "login:" on the console .*interrupted/u)],
    });
    core = await provider([agent]);
    const letGo = interruptAt(agent.world.hypervisor.faults, "start");
    const beforeIt = await attempt(core, "lodge_vm", undefined, { ...failing, name: "db" });
    expect(beforeIt).toMatchObject({
      error: undefined,
      instance: { tainted: false },
      warnings: [expect.stringMatching(/The wait for the VM .* was interrupted/u)],
    });
    letGo();
  });

  test("in an update is an error, and the state is what there is", async () => {
    const item = await core.apply("lodge_vm", undefined, web);
    const letGo = interruptAt(agent.world.hypervisor.faults, "start");
    const after = { ...web, cpus: 2, on_restart_required: "restart" };
    const { instance, error } = await attempt(core, "lodge_vm", item, after);
    expect(error).toMatch(/^Unable to update lodge_vm: The wait for the VM .* was interrupted/u);
    expect(instance).toMatchObject({ tainted: false });
    expect(attributes(instance!)).toMatchObject({
      cpus: 2,
      ready: false,
      actual_power_state: "stopped",
    });
    letGo();
    expect(
      attributes(await (await provider([agent])).apply("lodge_vm", instance, after))["ready"],
    ).toBe(true);
  });

  test("in a delete keeps the object in the state until it is gone", async () => {
    const item = await core.apply("lodge_vm", undefined, web);
    const letGo = interruptAt(agent.world.hypervisor.faults, "delete");
    const error = await core.destroy("lodge_vm", item).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^Unable to delete lodge_vm: .*interrupted/u),
      instance: { tainted: false },
    });
    letGo();
    await (await provider([agent])).destroy("lodge_vm", item);
    expect((await agent.world.store.list("vm")).records).toEqual([]);
  });

  test("while a disk is made leaves it tainted, and the next apply makes another", async () => {
    const letGo = interruptAt(agent.world.disks.faults, "create");
    const first = await attempt(core, "lodge_disk", undefined, { name: "data", size: "1GiB" });
    expect(first).toMatchObject({
      error: expect.stringMatching(/interrupted/u),
      instance: { tainted: true },
    });
    letGo();
    const next = await (
      await provider([agent])
    ).apply("lodge_disk", first.instance, { name: "data", size: "1GiB" });
    expect(attributes(next)["id"]).not.toBe(attributes(first.instance!)["id"]);
    expect((await agent.world.store.list("disk")).records).toHaveLength(1);
  });
});

describe("what cannot be made", () => {
  const full = () =>
    lodgeError("DISK_FULL", "The file system has 0 bytes free.", { remedy: "Make room." });
  const taken = () => lodgeError("BRIDGE_TAKEN", "The link lgb-1 exists and is not Lodge's.");

  test.each([
    [
      "disk",
      { name: "new", size: "1GiB" },
      () => agent.world.disks.faults.failNext("create", full()),
      /The disk new has failed: The file system has 0 bytes free\. Make room\./u,
    ],
    [
      "image",
      { name: "new", host_path: "/images/debian" },
      () => agent.world.images.faults.failNext("copy", full()),
      /The image new has failed: The file system has 0 bytes free\./u,
    ],
    [
      "image",
      { name: "new", host_path: "/images/debian", sha256: "0".repeat(64) },
      () => {},
      /The image new has failed: The digest is [0-9a-f]{64}, not 0{64}\./u,
    ],
    [
      "network",
      { name: "new", subnets: { main: { cidr: "10.40.0.0/24" } } },
      () => agent.world.networks.faults.failNext("set", taken()),
      /The network new has failed: The link lgb-1 exists and is not Lodge's\./u,
    ],
  ])(
    "is in the state, tainted, and the next apply makes another: a %s",
    async (kind, config, fail, message) => {
      const type = `lodge_${kind}`;
      fail();
      const first = await attempt(core, type, undefined, config);
      expect(first).toMatchObject({
        error: expect.stringMatching(message),
        instance: { tainted: true },
      });
      const id = attributes(first.instance!)["id"];
      const good = "sha256" in config ? { ...config, sha256: null } : config;
      const next = await (await provider([agent])).apply(type, first.instance, good);
      expect(attributes(next)["id"]).not.toBe(id);
      await agent.world.quiet();
      expect(await agent.world.store.get(kind as "disk", id)).toBeUndefined();
      expect(await violatedInvariants(agent.world)).toEqual([]);
    },
  );

  test("is nowhere, where the agent refuses it or never had all of it", async () => {
    const path = `${agent.files.directory}/image`;
    await writeFile(path, Buffer.alloc(600_000, 1));
    agent.world.images.full = true;
    const sent = await attempt(core, "lodge_image", undefined, { name: "new", local_path: path });
    expect(sent).toMatchObject({
      instance: undefined,
      error: expect.stringMatching(
        /^Unable to create lodge_image: The file system of the fake has 0 bytes free\./u,
      ),
    });
    agent.world.images.full = false;
    await expect(
      core.plan("lodge_image", undefined, {
        name: "new",
        local_path: path,
        sha256: "0".repeat(64),
      }),
    ).rejects.toThrow(/has the digest [0-9a-f]{64}, not 0{64}\. \(at sha256\)/u);
    await rm(path);
    await expect(
      core.plan("lodge_image", undefined, { name: "new", local_path: path }),
    ).rejects.toThrow(/image cannot be read: ENOENT.*\(at local_path\)/u);
    expect((await agent.world.store.list("image")).records).toHaveLength(1);
    await agent.world.core.sweep();
    await agent.world.quiet();
    expect(await violatedInvariants(agent.world)).toEqual([]);
  });

  test("a file that becomes another one between plan and apply is sent as it is then", async () => {
    const path = `${agent.files.directory}/image`;
    const config = { name: "new", local_path: path };
    await writeFile(path, Buffer.alloc(600_000, 1));
    const made = await core.plan("lodge_image", undefined, config);
    await writeFile(path, Buffer.alloc(700_000, 2));
    const item = await core.resource("lodge_image").apply(made, config);
    const sha256 = createHash("sha256").update(Buffer.alloc(700_000, 2)).digest("hex");
    expect(attributes(item!)).toMatchObject({ sha256, size_bytes: 700_000 });
  });

  test("until an address has cooled down is made then, in the place of the one that had it", async () => {
    const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
    const nics = { eth0: { ...nic, ipv4_address: "10.20.0.15" } };
    const web = { name: "web", memory: "128MiB", nics, disks: { root: { size: "1GiB" } } };
    const item = await core.apply("lodge_vm", undefined, web);
    const anew = { ...web, disks: { root: { image_id: idOf("image debian") } } };
    expect((await core.plan("lodge_vm", item, anew)).action).toBe("replace");
    const next = await agent.during(core.apply("lodge_vm", item, anew));
    expect(attributes(next)).toMatchObject({ ipv4_address: "10.20.0.15", ready: true });
    expect(attributes(next)["id"]).not.toBe(attributes(item)["id"]);
    const { summary, detail } = core.caller.warnings.at(-1)!;
    expect(summary).toMatch(/^The apply has waited \d+s for an address$/u);
    expect(detail).toMatch(
      /^10\.20\.0\.15 was freed a moment ago and cools down in address pool lan .* for \d+ seconds more\./u,
    );
  });

  test("for an address that cools down longer than the time allows fails at once", async () => {
    const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
    const nics = { eth0: { ...nic, ipv4_address: "10.20.0.15" } };
    const web = { name: "web", memory: "128MiB", nics, timeouts: { create: "20s" } };
    const item = await core.apply("lodge_vm", undefined, web);
    await core.destroy("lodge_vm", item);
    agent.counted();
    const { error, instance } = await attempt(core, "lodge_vm", undefined, web);
    expect(instance).toBeUndefined();
    expect(error).toMatch(
      /^Unable to create lodge_vm: 10\.20\.0\.15 was freed .* address pool lan/u,
    );
    expect(agent.counted()["VmService/Put"]).toBe(1);
  });

  test("is told with the pool that has no address left, and where", async () => {
    const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
    const nics = Object.fromEntries(Array.from({ length: 11 }, (_, index) => [`eth${index}`, nic]));
    const { instance, error } = await attempt(core, "lodge_vm", undefined, {
      name: "web",
      memory: "128MiB",
      nics,
    });
    expect(instance).toBeUndefined();
    expect(error).toMatch(
      /^Unable to create lodge_vm: Address pool lan .* has no free address.* \(at nics\.eth9\.ipv4_pool_id\)$/mu,
    );
  });
});
