/** What other objects need is taken away: told at plan where they stay, waited for where they may go with the same apply. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
beforeEach(async () => {
  agent = await CoreAgent.start();
});
afterEach(() => agent[Symbol.asyncDispose]());

const command = (): Promise<Core> => provider([agent]);
const apply = async (type: string, item: Instance | undefined, config: object): Promise<Instance> =>
  agent.during((await command()).apply(`lodge_${type}`, item, config));
const warnings = ({ caller }: Core) =>
  caller.warnings.map(({ summary, detail }) => `${summary}: ${detail}`);

const one = { cidr: "10.40.0.0/24" };
const wide = { name: "lan", subnets: { one, two: { cidr: "10.41.0.0/24" } } };
const narrow = { name: "lan", subnets: { one } };

/** A network, a pool in its second subnet, and a VM with an address of that pool. */
async function furnished() {
  const lan = await apply("network", undefined, wide);
  const network_id: string = attributes(lan)["id"];
  const poolConfig = { name: "t9", network_id, subnet: "two", ranges: ["10.41.0.10-10.41.0.19"] };
  const pool = await apply("address_pool", undefined, poolConfig);
  const nics = { eth0: { network_id, ipv4_pool_id: attributes(pool)["id"] } };
  const vmConfig = { name: "web", memory: "96MiB", nics };
  const vm = (): Promise<Instance> => apply("vm", undefined, vmConfig);
  return { lan, pool, poolConfig, vm, vmConfig };
}

describe("a subnet that is taken away", () => {
  const needed =
    /^Needed until its user is deleted: value for subnets\.two: The address pool t9 \([-0-9a-f]{36}\), which is in (the state|a Terraform state already, perhaps in this one), needs what is taken away\./u;

  test.each(["before", "after"])(
    "with its pool is a warning, where that is read %s",
    async (when) => {
      const { lan, pool } = await furnished();
      const core = await command();
      if (when === "before") await core.refresh("lodge_address_pool", pool);
      expect((await core.plan("lodge_network", lan, narrow)).action).toBe("update");
      expect(warnings(core)).toEqual([expect.stringMatching(needed)]);
    },
  );

  test("under a pool that stays is an error at plan, whichever is planned first", async () => {
    const { lan, pool, poolConfig } = await furnished();
    for (const kept of [poolConfig, { ...poolConfig, cooldown: "5s" }]) {
      const first = await command();
      await first.plan("lodge_network", lan, narrow);
      await expect(first.plan("lodge_address_pool", pool, kept)).rejects.toThrow(
        /^The address pool t9 stays: Subnet two is needed by address pool t9 /u,
      );
      const last = await command();
      await last.plan("lodge_address_pool", pool, kept);
      await expect(last.plan("lodge_network", lan, narrow)).rejects.toThrow(
        /^Invalid value for subnets\.two: Subnet two is needed by address pool t9 .*\(IN_USE\)/u,
      );
    }
  });

  test("under a pool that is replaced is a warning", async () => {
    const { lan, pool, poolConfig } = await furnished();
    const core = await command();
    const renamed = { ...narrow, subnets: { one, three: wide.subnets.two } };
    await core.plan("lodge_network", lan, renamed);
    expect(warnings(core)).toEqual([expect.stringMatching(needed)]);
    const moved = await core.plan("lodge_address_pool", pool, { ...poolConfig, subnet: "three" });
    expect(moved.action).toBe("replace");
  });

  test("makes room for one that the same plan adds, with a pool in it", async () => {
    const { lan, poolConfig } = await furnished();
    const core = await command();
    const added = { ...wide, subnets: { ...wide.subnets, three: { cidr: "10.42.0.0/24" } } };
    await core.plan("lodge_network", lan, added);
    const inIt = { ...poolConfig, name: "t3", ranges: ["10.42.0.10"] };
    const plan = await core.plan("lodge_address_pool", undefined, { ...inIt, subnet: "three" });
    expect(plan.action).toBe("create");
    await expect(
      core.plan("lodge_address_pool", undefined, { ...inIt, name: "t4", subnet: "four" }),
    ).rejects.toThrow(/^Invalid value for subnet: Network lan .* has no subnet four/u);
  });

  test("under pools of which one is in no state is an error at plan, that names both", async () => {
    const { lan, poolConfig } = await furnished();
    await agent.world.put("address_pool", { ...poolConfig, name: "u", ranges: ["10.41.0.30"] });
    await expect((await command()).plan("lodge_network", lan, narrow)).rejects.toThrow(
      /^Invalid value for subnets\.two: Subnet two is needed by address pool \w+ \([^)]+\), address pool \w+ \([^)]+\)\. Delete those first\. \(IN_USE\) \(at subnets\.two\)$/u,
    );
  });

  test("waits in the apply until its pool is gone", async () => {
    const { lan, pool } = await furnished();
    const core = await command();
    const plan = await core.plan("lodge_network", lan, narrow);
    agent.counted();
    const taking = core.resource("lodge_network").apply(plan, narrow);
    await expect.poll(() => agent.calls.get("NetworkService/Put")).toBeGreaterThan(0);
    await agent.during((await command()).destroy("lodge_address_pool", pool));
    expect(Object.keys(attributes((await agent.during(taking))!)["subnets"])).toEqual(["one"]);
  });

  test("fails in bounded time where its pool does not go", async () => {
    const { lan } = await furnished();
    const impatient = { ...narrow, timeouts: { update: "4s" } };
    const { error } = await attempt(await command(), "lodge_network", lan, impatient);
    expect(error).toMatch(
      /^Unable to update lodge_network: Subnet two is needed by address pool t9 .* The apply has waited [1-5]s for that to change\./u,
    );
  });
});

describe("ranges that lose an address", () => {
  const less = ["10.41.0.15-10.41.0.19"];

  test("with the VM that has it are a warning", async () => {
    const { pool, poolConfig, vm, vmConfig } = await furnished();
    const web = await vm();
    const core = await command();
    await core.plan("lodge_address_pool", pool, { ...poolConfig, ranges: less });
    expect(warnings(core)).toEqual([
      expect.stringMatching(
        /^Needed until its user is deleted: value for ranges: The VM web \([-0-9a-f]{36}\), /u,
      ),
    ]);
    // Another wish for its interfaces may let go of the address.
    const { network_id } = poolConfig;
    await core.plan("lodge_vm", web, { ...vmConfig, nics: { eth0: { network_id } } });
  });

  test("under a VM that keeps its interfaces are an error at plan, whichever is planned first", async () => {
    const { pool, poolConfig, vm, vmConfig } = await furnished();
    const web = await vm();
    for (const kept of [vmConfig, { ...vmConfig, memory: "128MiB" }]) {
      const first = await command();
      await first.plan("lodge_address_pool", pool, { ...poolConfig, ranges: less });
      await expect(first.plan("lodge_vm", web, kept)).rejects.toThrow(
        /^The VM web stays: Addresses that would leave the pool are in use: 10\.41\.0\.10 by VM web /u,
      );
      const last = await command();
      await last.plan("lodge_vm", web, kept);
      await expect(
        last.plan("lodge_address_pool", pool, { ...poolConfig, ranges: less }),
      ).rejects.toThrow(/^Invalid value for ranges: Addresses that would leave /u);
    }
  });
});

describe("what a VM needs, and is replaced", () => {
  const warned = (title: string, name: string, users = "VM web") =>
    expect.stringMatching(
      new RegExp(
        `^The ${title} ${name} cannot be deleted while it is needed: It is to be replaced, and is needed by ${users}: the apply fails unless .*\\(replace_triggered_by\\), .*\\(create_before_destroy, with another name\\)\\.$`,
        "u",
      ),
    );

  /** Each kind that a VM can need: an object with a user, and how its replacement comes about. */
  async function needed() {
    const { lan, pool, poolConfig } = await furnished();
    await apply("network", undefined, { name: "dmz", subnets: { two: { cidr: "10.50.0.0/24" } } });
    const dmz = (await agent.world.store.find("network", "dmz"))!.id;
    const disk = await apply("disk", undefined, { name: "data", size: "1GiB" });
    const imageConfig = { name: "debian", host_path: "/images/debian" };
    const image = await apply("image", undefined, imageConfig);
    await apply("vm", undefined, {
      name: "web",
      memory: "96MiB",
      power_state: "stopped",
      kernel: { image_id: attributes(image)["id"] },
      disks: { data: { disk_id: attributes(disk)["id"] } },
      nics: {
        eth0: { network_id: attributes(lan)["id"], ipv4_pool_id: attributes(pool)["id"] },
      },
    });
    const moved = { ...wide, subnets: { ...wide.subnets, one: { cidr: "10.44.0.0/24" } } };
    return [
      ["network", "network lan", lan, moved],
      [
        "address_pool",
        "address pool t9",
        pool,
        { ...poolConfig, network_id: dmz, ranges: ["10.50.0.9"] },
      ],
      [
        "disk",
        "disk data",
        disk,
        { name: "data", size: "1GiB", image_id: attributes(image)["id"] },
      ],
      ["image", "image debian", image, { ...imageConfig, host_path: "/images/kernel" }],
    ] as const;
  }

  test("is a warning at plan, that names the VM, once", async () => {
    for (const [kind, called, item, config] of await needed()) {
      const core = await command();
      const type = `lodge_${kind}`;
      expect((await core.plan(type, item, config)).action).toBe("replace");
      const [title, name] = [called.slice(0, called.lastIndexOf(" ")), called.split(" ").at(-1)!];
      expect(warnings(core)).toEqual([warned(title, name)]);
    }
  });

  test("cannot be applied while the VM has it, and nothing is lost", async () => {
    for (const [kind, , item, config] of await needed()) {
      if (kind === "image") continue;
      const { error, instance } = await attempt(await command(), `lodge_${kind}`, item, config);
      expect(error).toMatch(/^Unable to delete lodge_\w+: .* is needed by .*VM web .*\(IN_USE\)/u);
      expect(attributes(instance!)["id"]).toBe(attributes(item)["id"]);
    }
  });

  test("is no warning where it is edited, or needed by nothing", async () => {
    const { lan, pool, poolConfig } = await furnished();
    const core = await command();
    await core.plan("lodge_network", lan, { ...wide, name: "renamed" });
    await core.resource("lodge_address_pool").plan(pool, poolConfig, { replace: true });
    expect(warnings(core)).toEqual([]);
  });
});
