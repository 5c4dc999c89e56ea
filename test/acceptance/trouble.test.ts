/**
 * An apply that is broken off anywhere: nothing is orphaned, and the next one completes it. Every moment with
 * LODGE_TEST_ALL=1, else a sample.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { violatedInvariants } from "@lodge/agent/core/testing/invariants.ts";
import { startFakeGround, type FakeGround } from "../harness/acceptance/fake-ground.ts";
import type { Resources } from "../harness/acceptance/kind.ts";
import { sample } from "../harness/acceptance/sample.ts";
import { troubles } from "../harness/acceptance/trouble.ts";
import { Workspace } from "../harness/acceptance/workspace.ts";

let ground: FakeGround;
let workspace: Workspace;

/** One of everything, each of which needs those before it. */
const resources = (): Resources => ({
  "lodge_network.lan": { name: "lan", subnets: { main: { cidr: "10.20.0.0/24" } } },
  "lodge_address_pool.lan": {
    name: "lan",
    network_id: "${lodge_network.lan.id}",
    subnet: "main",
    ranges: ["10.20.0.10-10.20.0.19"],
    cooldown: "0s",
  },
  "lodge_image.hosted": { name: "hosted", host_path: ground.hosted },
  "lodge_image.sent": { name: "sent", local_path: ground.local },
  "lodge_disk.data": { name: "data", image_id: "${lodge_image.sent.id}" },
  "lodge_vm.web": {
    name: "web",
    memory: "96MiB",
    disks: {
      root: { image_id: "${lodge_image.hosted.id}" },
      data: { disk_id: "${lodge_disk.data.id}" },
    },
    nics: {
      eth0: {
        network_id: "${lodge_network.lan.id}",
        ipv4_pool_id: "${lodge_address_pool.lan.id}",
      },
    },
  },
});

/** What the agent holds that is not part of something else, by id. */
async function held(): Promise<string[]> {
  const { store } = ground.agent.world;
  const names = ["network", "address_pool", "image", "disk", "vm"] as const;
  const lists = await Promise.all(names.map((kind) => store.list(kind)));
  return lists
    .flatMap(({ records }) => records)
    .filter(({ internal }) => !("ownerVmId" in internal))
    .map(({ id }) => id)
    .toSorted();
}

const stated = () =>
  Object.values(workspace.attributes())
    .map(({ id }) => String(id))
    .toSorted();

beforeEach(async () => {
  ground = await startFakeGround();
  workspace = new Workspace([ground.agent], { resources: resources() });
});

afterEach(async () => {
  await workspace[Symbol.asyncDispose]();
  await ground[Symbol.asyncDispose]();
});

describe("an apply in which", () => {
  test.each(sample("troubles", troubles, 4, ({ title }) => title))(
    "$title",
    async ({ arrange }) => {
      const { agent } = ground;
      const running = workspace.start(["apply", "-no-color", "-auto-approve"]);
      const happened = arrange({ agent, workspace, running: () => running });
      const said = await agent.during(running.result);
      await agent.world.quiet();
      if (!happened()) throw new Error(`Nothing went wrong:\n${said.stdout}${said.stderr}`);
      // What the state has is there; what it has not is given to the next apply.
      const before = await held();
      expect(stated().filter((id) => !before.includes(id))).toEqual([]);
      const unclaimed = before.filter((id) => !stated().includes(id));
      await agent.during(workspace.apply());
      await agent.world.quiet();
      expect(await held()).toEqual(stated());
      expect(stated()).toHaveLength(Object.keys(resources()).length);
      expect(stated()).toEqual(expect.arrayContaining(unclaimed));
      expect((await agent.during(workspace.planned())).changes).toEqual({});
      expect(await violatedInvariants(agent.world)).toEqual([]);
    },
  );
});
