/** What a plan refuses, foresees and warns of, and whom it asks. */
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import type { Plan } from "@lodge/provider/sdk/testing/core-plan.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { clientIdentity, CoreAgent } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
beforeEach(async () => {
  agent = await CoreAgent.start();
  await agent.world.furnish();
});
afterEach(() => agent[Symbol.asyncDispose]());

const command = (): Promise<Core> => provider([agent]);
const apply = async (type: string, item: Instance | undefined, config: object): Promise<Instance> =>
  agent.during((await command()).apply(`lodge_${type}`, item, config));
const plan = async (type: string, item: Instance | undefined, config: object) => {
  const core = await command();
  const made = await core.plan(`lodge_${type}`, item, config);
  return {
    ...made,
    warnings: core.caller.warnings.map(({ summary, detail }) => `${summary}: ${detail}`),
  };
};
/** What a plan changes, by attribute. */
const changes = ({ prior, planned }: Plan): Record<string, unknown> => {
  const [before, after] = [plainValue(prior), plainValue(planned)] as Record<string, unknown>[];
  const names = Object.keys(after!).filter(
    (name) => JSON.stringify(before![name]) !== JSON.stringify(after![name]),
  );
  return Object.fromEntries(names.map((name) => [name, after![name]]));
};

const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
const web = {
  name: "web",
  memory: "128MiB",
  disks: { root: { size: "1GiB" } },
  nics: { eth0: nic },
};

describe("deletion_protection", () => {
  test.each([
    ["disk", { name: "data", image_id: idOf("image debian"), deletion_protection: true }],
    ["vm", { ...web, deletion_protection: true }],
  ])("is refused at the plan of a destroy: %s", async (type, config) => {
    const item = await apply(type, undefined, config);
    await expect((await command()).destroy(`lodge_${type}`, item)).rejects.toThrow(
      /is protected: deletion_protection is on\..*\(at deletion_protection\)/u,
    );
    const free = await apply(type, item, { ...config, deletion_protection: false });
    await agent.during((await command()).destroy(`lodge_${type}`, free));
    expect((await agent.world.store.list(type as "vm")).records).toEqual([]);
  });

  test("is refused at the plan of a replacement", async () => {
    const config = { name: "data", size: "1GiB", deletion_protection: true };
    const item = await apply("disk", undefined, config);
    const image_id = idOf("image debian");
    for (const anew of [
      { ...config, image_id },
      { ...config, image_id: unknown },
    ]) {
      await expect(plan("disk", item, anew)).rejects.toThrow("The disk data is protected");
    }
  });
});

describe("a shrink", () => {
  test("of a disk is refused once, at its place", async () => {
    const item = await apply("disk", undefined, { name: "data", size: "2GiB" });
    await expect(plan("disk", item, { name: "data", size: "1GiB" })).rejects.toThrow(
      /^Unable to shrink the disk: A disk cannot shrink: it has 2GiB, and 1GiB is less\. .* \(at size\)$/u,
    );
  });

  test("of a VM's own disk is refused once, at its place", async () => {
    const item = await apply("vm", undefined, web);
    await expect(plan("vm", item, { ...web, disks: { root: { size: "1MiB" } } })).rejects.toThrow(
      /^Unable to shrink the disk root: .* \(at disks\.root\.size\)$/u,
    );
  });

  test("is none where the disk is a new one", async () => {
    const config = { name: "data", size: "2GiB" };
    const item = await apply("disk", undefined, config);
    const anew = { name: "data", size: "1GiB", image_id: idOf("image debian") };
    for (const image_id of [anew.image_id, unknown]) {
      expect((await plan("disk", item, { ...anew, image_id })).action).toBe("replace");
    }
    expect(attributes(await apply("disk", item, anew))["size_bytes"]).toBe(2 ** 30);
  });
});

describe("drift", () => {
  test("of the power state is shown as what the apply makes true", async () => {
    const item = await apply("vm", undefined, web);
    agent.world.hypervisor.guestPowersOff(attributes(item)["id"]);
    await agent.world.pass(1000);
    const made = await plan("vm", item, web);
    expect(attributes(made.refreshed!)["actual_power_state"]).toBe("stopped");
    expect([made.action, changes(made)]).toMatchObject([
      "update",
      { actual_power_state: "running", ready: unknown },
    ]);
    expect(attributes(await apply("vm", item, web))["actual_power_state"]).toBe("running");
  });

  test("of a wish is undone", async () => {
    const item = await apply("vm", undefined, web);
    const { id, spec, specRevision } = (await agent.world.store.get("vm", attributes(item)["id"]))!;
    const stopped = { ...spec, power_state: "stopped" as const };
    await agent.world.core.services.vm.put(
      { id, spec: stopped, expectedRevision: specRevision },
      agent.world.principal,
    );
    await agent.world.pass(1000);
    const made = await plan("vm", item, web);
    expect(changes(made)).toMatchObject({ power_state: "running", actual_power_state: "running" });
  });

  test("between plan and apply is an honest error, not a bug in what was planned", async () => {
    const item = await apply("vm", undefined, web);
    const { hypervisor } = agent.world;
    const start = hypervisor.start.bind(hypervisor);
    hypervisor.start = async (config, signal) => {
      const machine = await start(config, signal);
      hypervisor.guestPowersOff(config.vmId);
      return machine;
    };
    const after = { ...web, cpus: 2, on_restart_required: "restart" };
    await expect(apply("vm", item, after)).rejects.toThrow(
      /^Unable to update lodge_vm: The VM web is stopped again, not running\. The guest powered itself off\./u,
    );
  });

  test("of a disk that a VM refers to is no bug in the VM's plan", async () => {
    const data = await apply("disk", undefined, { name: "data", size: "1GiB" });
    const vm = { ...web, disks: { data: { disk_id: attributes(data)["id"] } } };
    const item = await apply("vm", undefined, vm);
    const core = await command();
    const made = await core.plan("lodge_vm", item, { ...vm, name: "renamed" });
    await apply("disk", data, { name: "data", size: "2GiB" });
    const then = await core.resource("lodge_vm").apply(made, { ...vm, name: "renamed" });
    expect(attributes(then!)["disk_status"]).toMatchObject([{ size_bytes: 2 ** 31 }]);
  });
});

describe("what is not known yet", () => {
  test("speaks against nothing", async () => {
    const lan = {
      name: "net",
      subnets: { main: { cidr: "10.40.0.0/24" }, b: { cidr: "10.41.0.0/24" } },
    };
    const network = await apply("network", undefined, lan);
    const id = attributes(network)["id"];
    await agent.world.put("address_pool", {
      name: "pool",
      network_id: id,
      subnet: "main",
      ranges: ["10.40.0.9"],
    });
    const main = { cidr: "10.40.0.0/24", dns_servers: [unknown] };
    const { action } = await plan("network", network, {
      ...lan,
      subnets: { ...lan.subnets, main },
    });
    expect(action).toBe("update");
    await expect(
      plan("network", network, { ...lan, subnets: { b: lan.subnets.b } }),
    ).rejects.toThrow(
      /Invalid value for subnets\.main: Subnet main is needed by address pool pool.*\(at subnets\.main\)/u,
    );
  });

  test("is not taken for its default", async () => {
    const memory = "16GiB";
    await apply("vm", undefined, { ...web, power_state: "running" });
    const other = { name: "db", memory, power_state: "stopped" };
    expect((await plan("vm", undefined, other)).action).toBe("create");
    expect((await plan("vm", undefined, { ...other, power_state: unknown })).action).toBe("create");
  });

  test("and may need a new object is planned as one", async () => {
    const item = await apply("disk", undefined, { name: "data", size: "1GiB", host: "rack1" });
    const made = await plan("disk", item, { name: "data", size: "1GiB", host: unknown });
    expect([made.action, made.requiresReplace]).toEqual(["replace", [["host"]]]);
  });
});

describe("an agent", () => {
  test("that says no is heard at plan, at the place and with what helps", async () => {
    await agent.world.put("vm", agent.world.vm("taken"));
    const wish = {
      ...web,
      name: "taken",
      cpus: 5,
      memory: "32GiB",
      disks: { root: { disk_id: idOf("no disk") } },
    };
    const error = await plan("vm", undefined, wish).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message.split("\n").toSorted()).toEqual([
      expect.stringMatching(
        /^Invalid value for cpus: 5 virtual CPUs are more than the 4 processors of host rack1\. Ask for at most 4\. \(CPUS_EXCEEDED\) \(at cpus\)$/u,
      ),
      expect.stringMatching(
        /^Invalid value for disks\.root\.disk_id: .*\(at disks\.root\.disk_id\)$/u,
      ),
      expect.stringMatching(
        /^Invalid value for memory: 32GiB is more than the memory of host rack1.*\(at memory\)$/u,
      ),
      expect.stringMatching(
        new RegExp(
          `^Invalid value for name: A VM named taken exists already .*terraform import lodge_vm.NAME ${idOf("vm taken")} \\(NAME_TAKEN\\) \\(at name\\)$`,
          "u",
        ),
      ),
    ]);
  });

  test("that may say yes by then is a warning at plan, and heard at apply", async () => {
    await apply("vm", undefined, { ...web, memory: "10GiB" });
    const other = { name: "db", memory: "10GiB" };
    const text =
      /^The apply will fail unless this changes: value for memory: Host rack1 has 16GiB of memory, of which 10GiB are promised/u;
    expect((await plan("vm", undefined, other)).warnings).toEqual([expect.stringMatching(text)]);
    await expect(apply("vm", undefined, other)).rejects.toThrow(
      /^Unable to create lodge_vm: .* 10GiB are promised to other VMs; 10GiB more do not fit.* \(at memory\)$/u,
    );
  });

  test("that cannot be reached is asked at apply", async () => {
    await agent.hide();
    const core = await command();
    const made = await core.plan("lodge_vm", undefined, { ...web, cpus: 5 });
    expect(made.action).toBe("create");
    await expect(core.resource("lodge_vm").apply(made, { ...web, cpus: 5 })).rejects.toThrow(
      /cannot be reached/u,
    );
    await agent.serve();
    await expect(apply("vm", undefined, { ...web, cpus: 5 })).rejects.toThrow(/5 virtual CPUs/u);
  });

  test("that cannot be reached at a refresh is an error, and takes nothing out of the state", async () => {
    const item = await apply("vm", undefined, web);
    await agent.hide();
    const error = await plan("vm", item, web).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^Unable to read lodge_vm: rack1 at unix:.* cannot be reached \(ENOENT\)\. Start its agent/u,
      ),
      instance: item,
    });
  });

  test("that does not answer is waited for two seconds, and once", async () => {
    agent.stands.set("VmService/Validate", () => new Promise(() => {}));
    const core = await command();
    const start = performance.now();
    const plans = Array.from({ length: 10 }, (_, index) =>
      core.plan("lodge_vm", undefined, { ...web, name: `web${index}` }),
    );
    for (const { action } of await Promise.all(plans)) expect(action).toBe("create");
    expect(performance.now() - start).toBeGreaterThan(1900);
    const asked = agent.calls.get("VmService/Validate");
    expect(asked).toBe(10);
    expect((await core.plan("lodge_vm", undefined, web)).action).toBe("create");
    expect(agent.calls.get("VmService/Validate")).toBe(asked);
    agent.stands.clear();
  });

  test("that takes connections and says nothing does not keep a plan from being made", async () => {
    const endpoint = `${agent.files.directory}/mute`;
    const mute = createServer(() => {}).listen(endpoint);
    try {
      const core = await provider([{ name: "rack1", endpoint: `unix:${endpoint}` }]);
      expect((await core.plan("lodge_vm", undefined, web)).action).toBe("create");
    } finally {
      mute.close();
    }
  });

  test("lets a viewer plan, and not apply", async () => {
    const item = await apply("vm", undefined, web);
    const viewer = await clientIdentity("viewer", "bob");
    const core = await provider([agent], { identity: viewer });
    expect((await core.plan("lodge_vm", item, web)).action).toBe("no-op");
    expect(attributes({ state: await core.readDataSource("lodge_host", {}) })["name"]).toBe(
      "rack1",
    );
    const refused =
      /^Unable to (create|update|delete) lodge_vm: bob is a viewer and may not call (Put|Delete)\. Use a certificate with the role admin\. \(NOT_ALLOWED\)$/u;
    const made = await core.plan("lodge_vm", item, { ...web, name: "db" });
    await expect(core.resource("lodge_vm").apply(made, { ...web, name: "db" })).rejects.toThrow(
      refused,
    );
    await expect(core.apply("lodge_vm", undefined, { ...web, name: "db" })).rejects.toThrow(
      refused,
    );
    await expect(core.destroy("lodge_vm", item)).rejects.toThrow(refused);
    const path = `${agent.files.directory}/agent.json`;
    await expect(
      core.apply("lodge_image", undefined, { name: "i", local_path: path }),
    ).rejects.toThrow(/may not call Upload/u);
  });
});
