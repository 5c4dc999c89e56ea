/** Objects that go away behind Terraform's back, agents that do not answer, and every way to delete. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { nothing } from "../harness/agent.ts";
import { at, type Place, type Resources } from "../harness/acceptance/kind.ts";
import { allObjects, places, startGround, type Ground } from "../harness/acceptance/place.ts";
import { resolved, Workspace, type Planned } from "../harness/acceptance/workspace.ts";
import { furniture } from "./kinds/furniture.ts";
import { acceptanceKinds } from "./kinds/index.ts";

interface One {
  readonly kind: KindName;
  readonly place: Place;
  readonly address: string;
}

let ground: Ground;
let workspace: Workspace;
const place = places({ files: () => ground.files });
const ones = acceptanceKinds.map(({ kind }): One => {
  const here = place(kind);
  return { kind, place: here, address: `lodge_${kind}.${here.name}` };
});

/** One object of each kind, each with more attributes than it needs. */
const each = (more: (one: One) => object = () => ({})): Resources =>
  Object.fromEntries(
    ones.map((one, index) => [
      one.address,
      { name: one.place.name, ...at(acceptanceKinds[index]!.minimal, one.place), ...more(one) },
    ]),
  );
const all = (): Resources => ({ ...furniture(ground.files), ...each() });
const allAre = (action: string) => Object.fromEntries(ones.map(({ address }) => [address, action]));
const errors = ({ diagnostics }: Planned) =>
  diagnostics.filter(({ severity }) => severity === "error");

/** Deletes the one of each kind, as somebody else does. */
async function deleteEach(): Promise<void> {
  const state = workspace.attributes();
  const ids = ones.map(({ address }) => String(state[address]!["id"]));
  for (const { kind, address } of ones)
    await (await ground.agent.client(kind)).delete(state[address]!["id"]);
  const left = async () => {
    const objects = await allObjects(ground.agent);
    return ids.filter((id) => objects.has(id));
  };
  await expect.poll(left).toEqual([]);
}

beforeAll(async () => {
  ground = await startGround();
  workspace = new Workspace([ground.agent], { resources: all() });
  await workspace.apply();
});

afterAll(async () => {
  await workspace?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

describe("deleted by somebody else", () => {
  test("before a plan, everything is made again", async () => {
    const before = workspace.attributes();
    await deleteEach();
    const { changes, drift } = await workspace.planned();
    expect(changes).toEqual(allAre("create"));
    expect(drift).toEqual(allAre("delete"));
    await workspace.applyPlanned();
    const after = workspace.attributes();
    for (const { address } of ones) expect(after[address]!["id"]).not.toBe(before[address]!["id"]);
    expect(await workspace.remains()).toEqual([]);
  });

  test("between plan and apply, an update says so, and the next apply makes everything again", async () => {
    workspace.configure({
      resources: { ...all(), ...each(({ place: { name } }) => ({ name: `${name}-new` })) },
    });
    expect((await workspace.planned()).changes).toEqual(allAre("update"));
    await deleteEach();
    const { exitCode, stderr } = await workspace.run(["apply", "-no-color", workspace.planFile], {
      accept: "any",
    });
    expect(exitCode).toBe(1);
    for (const { address } of ones) expect(stderr).toContain(`with ${address}`);
    expect(stderr).not.toContain("bug in the provider");
    workspace.configure({ resources: all() });
    expect((await workspace.planned()).changes).toEqual(allAre("create"));
    await workspace.applyPlanned();
    expect(await workspace.remains()).toEqual([]);
  });

  test("between plan and apply, a delete is done", async () => {
    workspace.configure({ resources: furniture(ground.files) });
    expect((await workspace.planned()).changes).toEqual(allAre("delete"));
    await deleteEach();
    await workspace.applyPlanned();
    workspace.configure({ resources: all() });
    await workspace.apply();
  });

  test("is not what others need", async () => {
    const { id } = workspace.attributes()["lodge_network.lan"]!;
    const networks = await ground.agent.client("network");
    await expect(networks.delete(id)).rejects.toThrow(/pool/u);
    expect(await workspace.remains()).toEqual([]);
  });
});

test("made by somebody else between plan and apply, it is not taken over", async () => {
  const twins = Object.fromEntries(
    acceptanceKinds.map(({ kind, minimal }) => {
      const here = place(kind);
      const config = { name: here.name, ...at(minimal, here) };
      return [`lodge_${kind}.${here.name}`, resolved(config, workspace.attributes())];
    }),
  );
  workspace.configure({ resources: { ...all(), ...twins } });
  await workspace.planned();
  await using other = new Workspace([ground.agent], { resources: twins });
  await other.apply();
  const { exitCode, stderr } = await workspace.run(["apply", "-no-color", workspace.planFile], {
    accept: "any",
  });
  expect(exitCode).toBe(1);
  for (const address of Object.keys(twins)) {
    const kind = address.split(".")[0]!.replace("lodge_", "").replace("_", " ");
    expect(stderr.replaceAll(/[\s│]+/gu, " ")).toMatch(
      new RegExp(`An? ${kind} named \\S+ exists already.*a Terraform state has that one`, "iu"),
    );
  }
  expect(Object.keys(workspace.attributes())).toHaveLength(Object.keys(all()).length);
  await other.destroy();
  workspace.configure({ resources: all() });
  expect(await workspace.remains()).toEqual([]);
});

describe("an agent that cannot be reached", () => {
  beforeAll(() => ground.agent.kill());
  afterAll(() => ground.agent.up());

  test.each([
    ["plan", ["plan", "-json"]],
    ["refresh", ["apply", "-json", "-refresh-only", "-auto-approve"]],
    ["destroy", ["destroy", "-json", "-auto-approve"]],
  ])("is an error at %s, and the state stays as it is, to the byte", async (_, args) => {
    const before = workspace.stateText();
    const plan = await workspace.said(args);
    expect(plan.exitCode).toBe(1);
    expect(new Set(errors(plan).map(({ address }) => address))).toEqual(
      // What refers to another one is not tried once that has failed.
      new Set(Object.keys(all()).filter((name) => !JSON.stringify(all()[name]).includes("${"))),
    );
    for (const { summary, detail } of errors(plan))
      expect(`${summary} ${detail}`).toMatch(/agent.*(?:reach|answer)/iu);
    expect(workspace.stateText()).toBe(before);
  });
});

describe("deleted by Terraform", () => {
  test("a VM takes its own disks with it, and leaves the others", async () => {
    const data = { "lodge_disk.data": { name: "data", size: "1MiB" } };
    const user = {
      name: "user",
      memory: "96MiB",
      power_state: "stopped",
      disks: { own: { size: "1MiB" }, data: { disk_id: "${lodge_disk.data.id}" } },
    };
    workspace.configure({ resources: { ...all(), ...data, "lodge_vm.user": user } });
    await workspace.apply();
    const state = workspace.attributes();
    const kept = String(state["lodge_disk.data"]!["id"]);
    const ids = (state["lodge_vm.user"]!["disk_status"] as { disk_id: string }[]).map(
      ({ disk_id }) => disk_id,
    );
    workspace.configure({ resources: { ...all(), ...data } });
    await workspace.apply();
    const objects = await allObjects(ground.agent);
    expect(ids).toHaveLength(2);
    expect(ids.filter((id) => objects.has(id))).toEqual([kept]);
    expect(await workspace.remains()).toEqual([]);
  });

  const running = "lodge_vm.running";
  const kept: Resources = {
    "lodge_vm.kept": {
      name: "kept",
      memory: "96MiB",
      power_state: "stopped",
      deletion_protection: true,
    },
    "lodge_disk.kept": { name: "kept", size: "1MiB", deletion_protection: true },
  };

  test("is nothing while something of it is protected", async () => {
    const more: Resources = {
      [running]: { name: "running", memory: "96MiB", shutdown_timeout: "0s" },
    };
    workspace.configure({ resources: { ...all(), ...more, ...kept } });
    await workspace.apply();
    const before = (await allObjects(ground.agent)).size;
    const plan = await workspace.said(["destroy", "-json", "-auto-approve"]);
    expect(
      errors(plan)
        .map(({ address, summary }) => `${address}: ${summary}`)
        .toSorted(),
    ).toEqual([
      "lodge_disk.kept: The disk kept is protected",
      "lodge_vm.kept: The VM kept is protected",
    ]);
    expect((await allObjects(ground.agent)).size).toBe(before);
  });

  test("is everything in one go, running, stopped, and gone already", async () => {
    const lifted = Object.entries(kept).map(([address, values]) => [
      address,
      { ...values, deletion_protection: false },
    ]);
    const more: Resources = {
      [running]: { name: "running", memory: "96MiB", shutdown_timeout: "0s" },
    };
    workspace.configure({
      resources: { ...all(), ...more, ...(Object.fromEntries(lifted) as Resources) },
    });
    await workspace.apply();
    await deleteEach();
    await workspace.destroy("-refresh=false");
    expect(workspace.instances()).toEqual({});
    expect(await ground.agent.census()).toEqual(nothing);
  });
});
