/** What a plan says of restarts, and that it is what happens. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { CoreAgent } from "../harness/core-agent.ts";
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
    warnings: core.caller.warnings
      .map(({ summary, detail }) => `${summary}: ${detail}`)
      .filter((warning) => !warning.startsWith("The disk ")),
  };
};
const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
const web = {
  name: "web",
  memory: "128MiB",
  disks: { root: { size: "1GiB" } },
  nics: { eth0: nic },
};

describe("a restart", () => {
  test.each([
    [
      "defer",
      /^Changes will wait for a restart: At the next boot of the VM: cpus, disks\.more\. /u,
    ],
    ["restart", /^The VM will be restarted: These changes need it: cpus, disks\.more\. /u],
  ])("is announced with its attributes: %s", async (on_restart_required, text) => {
    const item = await apply("vm", undefined, web);
    const disks = { ...web.disks, more: { size: "1GiB" } };
    const after = { ...web, on_restart_required, cpus: 2, disks };
    const { action, warnings } = await plan("vm", item, after);
    expect([action, warnings]).toEqual(["update", [expect.stringMatching(text)]]);
    const then = attributes(await apply("vm", item, after));
    expect(then["restart_required"]).toEqual(
      on_restart_required === "defer" ? ["cpus", "disks.more"] : [],
    );
    expect((await agent.world.store.get("vm", then["id"]))!.status.boots).toBe(
      on_restart_required === "defer" ? 1 : 2,
    );
  });

  test("is announced also while parts of the VM are not known yet", async () => {
    const item = await apply("vm", undefined, web);
    const disks = { ...web.disks, more: { disk_id: unknown } };
    const after = { ...web, on_restart_required: "restart", disks };
    expect((await plan("vm", item, after)).warnings).toEqual([
      expect.stringMatching(/^The VM will be restarted: These changes need it: disks\.more\. /u),
    ]);
  });

  describe("of a VM with changes that wait", () => {
    const disks = { ...web.disks, more: { size: "1GiB" } };
    const deferred = { ...web, memory: "256MiB", disks };
    const data = { ...web.disks, more: { disk_id: idOf("disk data") } };
    const restart = { on_restart_required: "restart" };
    const back = { disks: web.disks, memory: web.memory };
    const will = "The VM will be restarted: These changes need it:";
    const may = "The VM may be restarted: These need it, unless the guest runs with them already:";
    const wait = "Changes will wait for a restart: At the next boot of the VM:";
    /** What is said where it is known what the guest runs with, and where it is not. */
    const cases: readonly [
      string,
      object,
      string | undefined,
      { readonly unknown?: string; readonly boots: number },
    ][] = [
      ["names all of them", restart, `${will} memory, disks.more.`, { boots: 2 }],
      [
        "names others instead",
        { ...restart, disks: data },
        `${will} memory, disks.more.`,
        { boots: 2 },
      ],
      [
        "leaves out what is taken back",
        { ...restart, ...back, memory: "512MiB" },
        `${will} memory.`,
        { unknown: `${may} memory.`, boots: 2 },
      ],
      [
        "is not said where all is taken back",
        { ...restart, ...back },
        undefined,
        { unknown: `${may} memory.`, boots: 1 },
      ],
      [
        "is not said where an entry is taken back",
        { ...restart, disks: web.disks },
        `${will} memory.`,
        { boots: 2 },
      ],
      ["is not said once more", { name: "renamed" }, undefined, { boots: 1 }],
      ["waits no more where it is taken back", back, undefined, { boots: 1 }],
      ["waits for further ones alone", { ...back, cpus: 2 }, `${wait} cpus.`, { boots: 1 }],
      [
        "waits anew for another value",
        { memory: "512MiB" },
        `${wait} memory.`,
        { unknown: "", boots: 1 },
      ],
    ];
    const edit = async (id: string, members: object) => {
      const { spec, specRevision } = (await agent.world.store.get("vm", id))!;
      const wish = { id, spec: { ...spec, ...members }, expectedRevision: specRevision };
      await agent.world.core.services.vm.put(wish, agent.world.principal);
      await agent.world.pass(1000);
    };
    const bootsOf = async (id: string) => (await agent.world.store.get("vm", id))!.status.boots;

    beforeEach(async () => {
      await agent.world.put("disk", { name: "data", size: "1GiB" });
      await agent.world.quiet();
    });

    test.each(cases)("%s", async (_, members, text, { boots }) => {
      const waiting = await apply("vm", await apply("vm", undefined, web), deferred);
      expect(attributes(waiting)["restart_required"]).toEqual(["memory", "disks.more"]);
      const after = { ...deferred, ...members };
      const { warnings } = await plan("vm", waiting, after);
      expect(warnings).toEqual(text === undefined ? [] : [expect.stringContaining(text)]);
      const then = attributes(await apply("vm", waiting, after));
      expect(await bootsOf(then["id"])).toBe(boots);
    });

    test.each(cases)(
      "%s, also where another has changed it",
      async (_, members, text, { boots, ...less }) => {
        const item = await apply("vm", undefined, web);
        const { id } = attributes(item);
        await edit(id, {
          memory: 2 ** 28,
          disks: { root: { size: 2 ** 30 }, more: { size: 2 ** 30 } },
        });
        const after = { ...deferred, ...members };
        const { warnings } = await plan("vm", item, after);
        const said = less.unknown ?? text ?? "";
        expect(warnings).toEqual(said === "" ? [] : [expect.stringContaining(said)]);
        await apply("vm", item, after);
        expect(await bootsOf(id)).toBe(boots);
      },
    );

    test("may come where it has booted since, and nobody knows with what", async () => {
      const waiting = await apply("vm", await apply("vm", undefined, web), {
        ...web,
        memory: "256MiB",
      });
      const { id } = attributes(waiting);
      await edit(id, { power_state: "stopped" });
      await edit(id, { power_state: "running" });
      await edit(id, { memory: 2 ** 29 });
      expect(await bootsOf(id)).toBe(2);
      const { warnings } = await plan("vm", waiting, { ...web, ...restart });
      expect(warnings).toEqual([expect.stringContaining(`${may} memory.`)]);
      await apply("vm", waiting, { ...web, ...restart });
      expect(await bootsOf(id)).toBe(3);
    });

    test("is known over several applies", async () => {
      const first = await apply("vm", undefined, web);
      const second = await apply("vm", first, { ...web, memory: "256MiB" });
      const third = await apply("vm", second, { ...web, memory: "512MiB", cpus: 2 });
      expect((await plan("vm", third, { ...web, ...restart })).warnings).toEqual([]);
      const { warnings } = await plan("vm", third, { ...web, ...restart, cpus: 2 });
      expect(warnings).toEqual([expect.stringContaining(`${will} cpus.`)]);
      const back = await apply("vm", third, { ...web, ...restart });
      expect(await bootsOf(attributes(back)["id"])).toBe(1);
    });
  });

  test.each<[string, object, string]>([
    [
      "power_state",
      { on_restart_required: "restart", power_state: unknown, cpus: 2 },
      "The VM may be restarted: These changes need it: cpus. power_state is known only at apply.",
    ],
    [
      "on_restart_required",
      { on_restart_required: unknown, cpus: 2 },
      "The VM may be restarted: These changes need it: cpus. on_restart_required is known only at apply.",
    ],
    [
      "the attribute itself",
      { on_restart_required: "restart", memory: unknown },
      "The VM may be restarted: These need it, unless the guest runs with them already: memory.",
    ],
    [
      "the attribute itself, where it would wait",
      { memory: unknown },
      "Changes may wait for a restart: At the next boot of the VM: memory.",
    ],
  ])(
    "is announced as one that may be where this is not known yet: %s",
    async (_, members, text) => {
      const item = await apply("vm", undefined, web);
      expect((await plan("vm", item, { ...web, ...members })).warnings).toEqual([
        expect.stringContaining(text),
      ]);
    },
  );

  test("needs no announcement where none is needed, or where the VM is off", async () => {
    const item = await apply("vm", undefined, web);
    expect((await plan("vm", item, { ...web, name: "renamed" })).warnings).toEqual([]);
    const off = await apply("vm", item, { ...web, power_state: "stopped" });
    expect((await plan("vm", off, { ...web, power_state: "stopped", cpus: 2 })).warnings).toEqual(
      [],
    );
  });

  test("makes true what waited for one, without a bug in what was planned", async () => {
    const item = await apply("vm", undefined, web);
    const after = { ...web, disks: {}, nics: { eth0: nic, eth1: nic } };
    const waiting = await apply("vm", item, after);
    expect(attributes(waiting)).toMatchObject({
      restart_required: ["disks.root", "nics.eth1"],
      nic_status: [{ name: "eth0" }],
    });
    const restarting = { ...after, on_restart_required: "restart" };
    expect((await plan("vm", waiting, restarting)).warnings).toEqual([
      expect.stringMatching(
        /^The VM will be restarted: These changes need it: disks\.root, nics\.eth1\. /u,
      ),
    ]);
    const then = await apply("vm", waiting, restarting);
    expect(attributes(then)).toMatchObject({
      restart_required: [],
      disk_status: [],
      nic_status: [{ name: "eth0" }, { name: "eth1" }],
    });
  });
});
