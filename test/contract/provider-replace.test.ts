/** Replacements of every cause, and resources of one configuration that want the same: told at plan, and never done twice. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
beforeEach(async () => {
  agent = await CoreAgent.start();
  await agent.world.furnish();
});
afterEach(() => agent[Symbol.asyncDispose]());

const command = (): Promise<Core> => provider([agent]);
const apply = async (type: string, item: Instance | undefined, config: object): Promise<Instance> =>
  agent.during((await command()).apply(`lodge_${type}`, item, config));
const warnings = ({ caller }: Core) =>
  caller.warnings.map(({ summary, detail }) => `${summary}: ${detail}`);
const service = (kind: string): string =>
  kind.replaceAll(/(?:^|_)./gu, (start) => start.slice(-1).toUpperCase()) + "Service";
const taint = (item: Instance): Instance => ({ ...item, tainted: true });

const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
const web = {
  name: "web",
  memory: "128MiB",
  nics: { eth0: { ...nic, ipv4_address: "10.20.0.15", mac: "52:54:00:12:34:56" } },
};
const kinds: readonly [string, object][] = [
  ["network", { name: "new", subnets: { main: { cidr: "10.40.0.0/24" } } }],
  [
    "address_pool",
    { name: "new", network_id: idOf("network lan"), subnet: "main", ranges: ["10.20.0.70"] },
  ],
  ["image", { name: "new", host_path: "/images/debian" }],
  ["disk", { name: "new", size: "1GiB" }],
  ["vm", web],
];

describe.each(kinds)("a tainted %s", (kind, config) => {
  const type = `lodge_${kind}`;

  test("is replaced, and the plan says what must be gone by then", async () => {
    const item = await apply(kind, undefined, config);
    const core = await command();
    const plan = await core.plan(type, taint(item), config);
    expect(plan.action).toBe("replace");
    expect(warnings(core)).not.toEqual([]);
    for (const warning of warnings(core)) {
      expect(warning).toMatch(/^Taken until its holder is deleted: value for /u);
      expect(warning).toContain(attributes(item)["id"]);
    }
    const next = await agent.during(core.resource(type).apply(plan, config));
    expect(attributes(next!)["id"]).not.toBe(attributes(item)["id"]);
    const named = (await agent.world.store.list(kind as "disk")).records.filter(
      ({ spec }) => spec.name === attributes(item)["name"],
    );
    expect(named.map(({ id }) => id)).toEqual([attributes(next!)["id"]]);
  });

  test("has no other in its place, where that is made before it is deleted", async () => {
    const item = await apply(kind, undefined, config);
    // With create_before_destroy the object is no longer the resource's when the new one is made.
    const core = await command();
    const impatient = { ...config, timeouts: { create: "3s" } };
    const plan = await core.plan(type, taint(item), impatient);
    const first = await core
      .resource(type)
      .apply({ ...plan, action: "create", refreshed: undefined }, impatient)
      .catch((thrown: unknown) => thrown as Error);
    const { message } = first as Error;
    expect(message).toMatch(/named (new|web) exists already/u);
    expect(message).not.toContain("terraform import");
  });
});

describe("a name that is taken", () => {
  const config = { name: "data", size: "1GiB" };

  test("by an object of no resource is an error at plan", async () => {
    await agent.world.put("disk", { ...config, size: "2GiB" });
    await expect((await command()).plan("lodge_disk", undefined, config)).rejects.toThrow(
      /A disk named data exists already .*terraform import/u,
    );
  });

  test("by an object that stays is an error at plan, whichever is planned first", async () => {
    const item = await apply("disk", undefined, config);
    for (const first of ["the one that stays", "the new one", "the new one, and nothing is read"]) {
      const core = await command();
      const stay = () => core.plan("lodge_disk", item, config);
      const make = () => core.plan("lodge_disk", undefined, config);
      const [one, other] = first === "the one that stays" ? [stay, make] : [make, stay];
      if (first === "the new one") await core.refresh("lodge_disk", item);
      await one();
      await expect(other()).rejects.toThrow(
        /^(Invalid value for name: Another disk of this configuration has the name data on the host rack1 as well\. .* \(at name\)\n?|The disk data stays: .*)+$/u,
      );
    }
  });

  test.each([
    ["before", /^The disk data \([-0-9a-f]{36}\), which is in the state, has it\. /u],
    ["after", /^The disk data \([-0-9a-f]{36}\), which is in a Terraform state already, perhaps /u],
  ])("by an object that goes is a warning, where Terraform reads that %s", async (read, says) => {
    const item = await apply("disk", undefined, config);
    const core = await command();
    if (read === "before") await core.refresh("lodge_disk", item);
    expect((await core.plan("lodge_disk", undefined, config)).action).toBe("create");
    expect(core.caller.warnings).toMatchObject([
      {
        summary: "Taken until its holder is deleted: value for name",
        detail: expect.stringMatching(says),
      },
    ]);
    expect(warnings(core).join()).not.toContain("terraform import");
    const mine = { name: "other", size: "1GiB" };
    expect((await core.plan("lodge_disk", item, mine)).action).toBe("update");
  });

  test.each(kinds)(
    "moves to a new address with another object in one apply: %s",
    async (kind, of) => {
      const type = `lodge_${kind}`;
      const item = await apply(kind, undefined, of);
      // As core does where the keys of a for_each change: nothing orders the two.
      const core = await command();
      const plan = await core.plan(type, undefined, of);
      const making = core.resource(type).apply(plan, of);
      await expect.poll(() => agent.calls.get(`${service(kind)}/Put`)).toBeGreaterThan(1);
      await agent.during((await command()).destroy(type, item));
      const made = await agent.during(making);
      expect(attributes(made!)["name"]).toBe(attributes(item)["name"]);
      expect(attributes(made!)["id"]).not.toBe(attributes(item)["id"]);
    },
  );

  test("by an object that stays although it is in a state, ends the apply with what stands in the way", async () => {
    await apply("disk", undefined, config);
    const impatient = { ...config, timeouts: { create: "4s" } };
    const { error } = await attempt(await command(), "lodge_disk", undefined, impatient);
    expect(error).toMatch(
      /^Unable to create lodge_disk: A disk named data exists already .* The apply has waited [1-5]s for that to change\. Choose another name: a Terraform state has that one already\./u,
    );
  });
});

test("what a VM that stays has is said, although its power state alone makes a change of its plan", async () => {
  const item = await apply("vm", undefined, web);
  agent.world.hypervisor.guestPowersOff(attributes(item)["id"]);
  await agent.world.pass(1000);
  const core = await command();
  await core.refresh("lodge_vm", item);
  await core.plan("lodge_vm", undefined, { ...web, nics: {} });
  await expect(core.plan("lodge_vm", item, web)).rejects.toThrow(
    /^The VM web stays: A VM named web exists already/mu,
  );
});

describe("a subnet that an object which stays has", () => {
  test("is an error at plan, whichever is planned first", async () => {
    const lan = { name: "one", subnets: { main: { cidr: "10.40.0.0/24" } } };
    const item = await apply("network", undefined, lan);
    const core = await command();
    await core.refresh("lodge_network", item);
    const other = await core.plan("lodge_network", undefined, { ...lan, name: "two" });
    expect(other.action).toBe("create");
    await expect(core.plan("lodge_network", item, lan)).rejects.toThrow(
      /^Invalid value for subnets\.main\.cidr: Another network .*\n?.*The network one stays: 10\.40\.0\.0\/24 overlaps/u,
    );
    const alone = await command();
    await alone.refresh("lodge_network", item);
    await alone.plan("lodge_network", item, lan);
    await expect(alone.plan("lodge_network", undefined, { ...lan, name: "two" })).rejects.toThrow(
      /^Invalid value for subnets\.main\.cidr: Another network /u,
    );
  });
});

describe("two resources of one configuration", () => {
  test.each(kinds)("with one name are an error at plan: %s", async (kind, config) => {
    const core = await command();
    await core.plan(`lodge_${kind}`, undefined, config);
    await expect(core.plan(`lodge_${kind}`, undefined, config)).rejects.toThrow(
      /Invalid value for name: Another .* of this configuration has the name (new|web) on the host rack1 as well\. Give each a name of its own\. \(at name\)/u,
    );
  });

  test("may have one name on two hosts, or as two kinds", async () => {
    await using other = await CoreAgent.start({ name: "rack2" });
    const core = await provider([agent, other], { block: { default_host: "rack1" } });
    const config = { name: "data", size: "1GiB" };
    await core.plan("lodge_disk", undefined, config);
    await core.plan("lodge_disk", undefined, { ...config, host: "rack2" });
    await core.plan("lodge_vm", undefined, { ...web, nics: {}, name: "data" });
    await expect(core.plan("lodge_disk", undefined, { ...config, host: "rack1" })).rejects.toThrow(
      /on the host rack1 as well/u,
    );
  });

  test.each([
    ["the MAC address 52:54:00:12:34:56", "mac", { ...nic, mac: web.nics.eth0.mac }],
    ["the address 10.20.0.15", "ipv4_address", { ...nic, ipv4_address: "10.20.0.15" }],
  ])("with %s are an error at plan", async (what, member, eth0) => {
    const core = await command();
    await core.plan("lodge_vm", undefined, web);
    const again = core.plan("lodge_vm", undefined, { ...web, name: "db", nics: { eth0 } });
    await expect(again).rejects.toThrow(
      new RegExp(
        `^Invalid value for nics\\.eth0\\.${member}: Another VM .* has ${what} .*eth0`,
        "u",
      ),
    );
  });

  test("with subnets that overlap are an error at plan, on one host", async () => {
    await using other = await CoreAgent.start({ name: "rack2" });
    const core = await provider([agent, other], { block: { default_host: "rack1" } });
    const planned = (name: string, cidr: string, host = "rack1") =>
      core.plan("lodge_network", undefined, { name, hosts: [host], subnets: { main: { cidr } } });
    await planned("one", "10.50.0.0/24");
    await planned("beside", "10.50.1.0/24");
    await planned("elsewhere", "10.50.0.0/24", "rack2");
    await expect(planned("two", "10.50.0.128/25")).rejects.toThrow(
      /^Invalid value for subnets\.main\.cidr: Another network .* addresses of 10\.50\.0\.128\/25 on the host rack1/u,
    );
  });

  test("with one disk are an error at plan", async () => {
    const disk = attributes(await apply("disk", undefined, { name: "data", size: "1GiB" }));
    const disks = { data: { disk_id: disk["id"] } };
    const core = await command();
    await core.plan("lodge_vm", undefined, { ...web, disks });
    await expect(
      core.plan("lodge_vm", undefined, { name: "db", memory: "128MiB", disks }),
    ).rejects.toThrow(/^Invalid value for disks\.data\.disk_id: Another VM/u);
  });

  test.each(kinds)("are never told one id by an apply: %s", async (kind, config) => {
    const core = await command();
    const impatient = { ...config, timeouts: { create: "3s" } };
    // Each is planned without the other, as where a name is known only at apply.
    const [one, other] = [core.resource(`lodge_${kind}`), core.resource(`lodge_${kind}`)];
    const plans = [
      await (await command()).plan(`lodge_${kind}`, undefined, config),
      await (await command()).plan(`lodge_${kind}`, undefined, impatient),
    ] as const;
    const wish = async (resource: typeof one, plan: (typeof plans)[0], of = config) =>
      resource.apply(plan, of).then(
        (item) => attributes(item!)["id"] as string,
        (error: Error) => error.message,
      );
    const first = await wish(one, plans[0]);
    expect(first).toMatch(/^[0-9a-f-]{36}$/u);
    expect(await wish(other, plans[1], impatient)).toMatch(
      /named (new|web) (exists already|was made by)/u,
    );
  });
});

describe("deletion_protection", () => {
  const config = { name: "data", size: "1GiB", deletion_protection: true };

  test("is refused at the plan of a replacement that the user asks for", async () => {
    const item = await apply("disk", undefined, config);
    const asked = async (wish: object) =>
      (await command()).resource("lodge_disk").plan(item, wish, { replace: true });
    await expect(asked(config)).rejects.toThrow(/^The disk data is protected: /u);
    // What is in the state counts: it is deleted before the edit would be made.
    await expect(asked({ ...config, deletion_protection: false })).rejects.toThrow(/is protected/u);
    const free = await apply("disk", item, { ...config, deletion_protection: false });
    const core = await command();
    const wish = { name: "data", size: "1GiB" };
    const plan = await core.resource("lodge_disk").plan(free, wish, { replace: true });
    expect(plan.action).toBe("replace");
    expect(attributes((await core.resource("lodge_disk").apply(plan, wish))!)["id"]).not.toBe(
      attributes(item)["id"],
    );
  });

  test("is refused at the plan of a tainted object, and by the agent where that has no say", async () => {
    const item = taint(await apply("disk", undefined, config));
    await expect((await command()).plan("lodge_disk", item, config)).rejects.toThrow(
      /^Invalid value for name: The disk .* has it, and is protected: deletion_protection is on\. .*untaint/u,
    );
    agent.stands.set("DiskService/Validate", async () => ({}));
    const { error, instance } = await attempt(await command(), "lodge_disk", item, config);
    expect(error).toMatch(
      /^Unable to delete lodge_disk: Disk data .*is protected against deletion/u,
    );
    expect(attributes(instance!)["id"]).toBe(attributes(item)["id"]);
    expect((await agent.world.store.list("disk")).records).toHaveLength(1);
  });
});
