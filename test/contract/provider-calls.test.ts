/** What commands cost an agent: calls are counted, since time depends on the machine. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { clientIdentity, CoreAgent } from "../harness/core-agent.ts";
import { attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
beforeEach(async () => {
  agent = await CoreAgent.start({ memoryBytes: 2 ** 40 });
});
afterEach(() => agent[Symbol.asyncDispose]());

const wish = (name: string) => ({ name, memory: "96MiB", power_state: "stopped" });

/** So many VMs, and what is known of them after the apply that has made them. */
async function make(count: number): Promise<readonly Instance[]> {
  const { world } = agent;
  for (let index = 0; index < count; index++) await world.put("vm", wish(`vm-${index}`) as never);
  await world.quiet();
  const example = await (await provider([agent])).import("lodge_vm", "rack1/vm-0");
  agent.counted();
  return (await world.store.list("vm")).records.map(({ id, spec: { name } }) => ({
    ...example,
    state: { ...(example.state as object), id, name } as never,
    private: new TextEncoder().encode(JSON.stringify({ id, revision: 1 })),
    identity: { ...(example.identity as object), id } as never,
  }));
}

/** What was called since it was last asked for, beside the one call of each walk in which both sides say their versions. */
function counted(walks = 1): Readonly<Record<string, number>> {
  const { "HostService/Get": hello, ...calls } = agent.counted();
  expect(hello).toBe(walks);
  return calls;
}

/** As Terraform does: ten at once. */
async function each<T>(
  instances: readonly Instance[],
  work: (item: Instance) => Promise<T>,
): Promise<T[]> {
  const left = [...instances];
  const done: T[] = [];
  const worker = async () => {
    for (let next = left.pop(); next; next = left.pop()) done.push(await work(next));
  };
  await Promise.all(Array.from({ length: 10 }, worker));
  return done;
}

const planAll = (core: Core, instances: readonly Instance[]) =>
  each(instances, async (item) => {
    const { name } = attributes(item);
    return (await core.plan("lodge_vm", item, wish(name))).action;
  });

describe("a thousand VMs", () => {
  test("are refreshed and planned by a handful of calls, once they are claimed", async () => {
    const instances = await make(1000);
    // In the first refresh after their create each is claimed, as many at a time as Terraform asks for.
    await planAll(await provider([agent]), instances);
    const first = counted();
    expect(Object.keys(first)).toEqual(["VmService/List"]);
    expect(first["VmService/List"]).toBeLessThan(instances.length / 2);
    const actions = await planAll(await provider([agent]), instances);
    expect(actions.every((action) => action === "no-op")).toBe(true);
    const second = counted();
    expect(Object.keys(second)).toEqual(["VmService/List"]);
    expect(second["VmService/List"]).toBeLessThanOrEqual(10);
  });

  test("cost a viewer no more, who claims nothing", async () => {
    const instances = await make(1000);
    const core = await provider([agent], { identity: await clientIdentity("viewer", "bob") });
    await planAll(core, instances);
    expect(counted()["VmService/List"]).toBeLessThanOrEqual(10);
    const { records } = await agent.world.store.list("vm");
    expect(records.filter(({ claimed }) => claimed).map(({ spec }) => spec.name)).toEqual(["vm-0"]);
  });

  test("cost processor time that grows as their number does", async () => {
    const cost = async (instances: readonly Instance[]) => {
      const core = await provider([agent]);
      const before = process.cpuUsage();
      await planAll(core, instances);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / instances.length;
    };
    const instances = await make(1000);
    await cost(instances);
    const many = await cost(instances);
    await each(instances.slice(100), ({ state }) =>
      agent.world.core.services.vm.delete(attributes({ state })["id"]),
    );
    await agent.world.quiet();
    const few = await cost(instances.slice(0, 100));
    // Were it quadratic, each would cost ten times as much.
    expect(many / few).toBeLessThan(5);
  });
});

test.each([
  ["disk", "DiskService", { name: "a", size: "1GiB" }],
  ["network", "NetworkService", { name: "a", subnets: { main: { cidr: "10.40.0.0/24" } } }],
])("what Terraform alone knows of a %s is no edit", async (kind, service, config) => {
  const type = `lodge_${kind}`;
  const item = await (await provider([agent])).apply(type, undefined, config);
  agent.counted();
  await (await provider([agent])).apply(type, item, { ...config, timeouts: { create: "5m" } });
  // Plan, apply, and the plan after it.
  expect(counted(3)).toEqual({
    [`${service}/List`]: 2,
    [`${service}/Get`]: 1,
    [`${service}/Watch`]: 1,
  });
});

test("who needs what a plan replaces is asked for once, however much it replaces", async () => {
  await agent.world.furnish();
  const disks = await Promise.all(
    Array.from({ length: 20 }, async (_, index) =>
      (await provider([agent])).apply("lodge_disk", undefined, {
        name: `d-${index}`,
        size: "1GiB",
      }),
    ),
  );
  const core = await provider([agent]);
  agent.counted();
  await each(disks, async (item) => {
    const { name } = attributes(item);
    const image_id = (await agent.world.store.find("image", "debian"))!.id;
    const { action } = await core.plan("lodge_disk", item, { name, size: "1GiB", image_id });
    expect(action).toBe("replace");
  });
  expect(counted()["VmService/List"]).toBeLessThanOrEqual(3);
});

test("a command makes the calls that it needs and no other", async () => {
  await agent.world.furnish();
  const config = { ...wish("web"), power_state: "running" };
  const calls = async <T>(work: (core: Core) => Promise<T>, walks = 1): Promise<[T, object]> => {
    const core = await provider([agent]);
    agent.counted();
    return [await work(core), counted(walks)];
  };
  const [planned, atPlan] = await calls((core) => core.plan("lodge_vm", undefined, config));
  expect(atPlan).toEqual({ "VmService/Validate": 1 });
  // In the apply Terraform plans again.
  const [item, atApply] = await calls((core) => core.resource("lodge_vm").apply(planned, config));
  // What was made is claimed by a list of itself alone.
  expect(atApply).toEqual({
    "VmService/Validate": 1,
    "VmService/Put": 1,
    "VmService/Watch": 1,
    "VmService/List": 1,
  });
  const [, atRefresh] = await calls((core) => core.refresh("lodge_vm", item!));
  expect(atRefresh).toEqual({ "VmService/List": 1 });
  const [, again] = await calls((core) => core.plan("lodge_vm", item, config));
  expect(again).toEqual({ "VmService/List": 1 });
  const renamed = { ...config, name: "db" };
  const [edit, atEdit] = await calls((core) => core.plan("lodge_vm", item, renamed));
  expect(atEdit).toEqual({ "VmService/List": 1, "VmService/Validate": 1 });
  const [after, atUpdate] = await calls((core) => core.resource("lodge_vm").apply(edit, renamed));
  expect(atUpdate).toEqual({ "VmService/Validate": 1, "VmService/Put": 1, "VmService/Watch": 1 });
  const patient = { ...renamed, timeouts: { create: "5m" } };
  const [slow, atNothing] = await calls((core) => core.plan("lodge_vm", after, patient));
  expect([slow.action, atNothing]).toEqual(["update", { "VmService/List": 1 }]);
  const [last, atLast] = await calls((core) => core.resource("lodge_vm").apply(slow, patient));
  expect(atLast).toEqual({ "VmService/Get": 1, "VmService/Watch": 1 });
  const [, atDestroy] = await calls((core) => core.destroy("lodge_vm", last!), 2);
  expect(atDestroy).toEqual({ "VmService/List": 1, "VmService/Delete": 1, "VmService/Watch": 1 });
});
