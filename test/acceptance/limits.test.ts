/** Hosts that take too long, more than one user at a time, many objects, and what must never be written down. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startFakeGround, type FakeGround } from "../harness/acceptance/fake-ground.ts";
import type { Resources } from "../harness/acceptance/kind.ts";
import { complete } from "../harness/acceptance/sample.ts";
import { Workspace, type Instance } from "../harness/acceptance/workspace.ts";

let ground: FakeGround;
beforeEach(async () => {
  ground = await startFakeGround({ memoryBytes: 2 ** 40 });
});
afterEach(() => ground[Symbol.asyncDispose]());

const off = { memory: "96MiB", power_state: "stopped" };
const vm = (name: string) => ({ [`lodge_vm.${name}`]: { name, ...off } });

describe("a host that takes too long", () => {
  /** Everything on the host that changes something waits until it is let go. */
  function hold(): Disposable {
    const { networks, images, disks, hypervisor } = ground.agent.world;
    const held = Promise.withResolvers<void>();
    const slow = new Set(["set", "copy", "create", "start", "delete", "resize"]);
    const all = [networks.faults, images.faults, disks.faults, hypervisor.faults];
    for (const faults of all)
      faults.hook = (method: string) => (slow.has(method) ? held.promise : undefined);
    return {
      [Symbol.dispose]() {
        for (const faults of all) faults.hook = undefined;
        held.resolve();
      },
    };
  }

  const patience = { create: "5s", update: "5s", delete: "5s" };
  const resources = (): Resources => ({
    "lodge_network.it": {
      name: "it",
      subnets: { main: { cidr: "10.20.0.0/24" } },
      timeouts: patience,
    },
    "lodge_image.it": { name: "it", host_path: ground.hosted, timeouts: patience },
    "lodge_disk.it": { name: "it", size: "1MiB", timeouts: patience },
    "lodge_vm.it": { name: "it", memory: "96MiB", timeouts: patience },
  });

  test("is an error in the time that timeouts allow, and what was begun is kept in the state", async () => {
    await using workspace = new Workspace([ground.agent], { resources: resources() });
    using held = hold();
    const { diagnostics } = await workspace.said(["apply", "-json", "-auto-approve"]);
    const said = Object.fromEntries(
      diagnostics.map(({ address, severity, detail }) => [address, `${severity}: ${detail}`]),
    );
    const late = /did not get there in the time that timeouts allows/u;
    expect(said).toEqual({
      "lodge_network.it": expect.stringMatching(late),
      "lodge_image.it": expect.stringMatching(late),
      "lodge_disk.it": expect.stringMatching(late),
      "lodge_vm.it": expect.stringMatching(/^warning: .*did not get there/u),
    });
    const states = Object.entries(workspace.instances()).map(([address, { status }]) => [
      address,
      status,
    ]);
    // A VM is never destroyed for being late.
    expect(Object.fromEntries(states)).toEqual({
      "lodge_network.it": "tainted",
      "lodge_image.it": "tainted",
      "lodge_disk.it": "tainted",
      "lodge_vm.it": undefined,
    });
    held[Symbol.dispose]();
    await ground.agent.during(workspace.apply());
    expect(await workspace.remains()).toEqual([]);
  });

  test("keeps an update and a delete in the state until they are done", async () => {
    await using workspace = new Workspace([ground.agent], { resources: resources() });
    await ground.agent.during(workspace.apply());
    using held = hold();
    const disk = resources()["lodge_disk.it"]!;
    workspace.configure({
      resources: { ...resources(), "lodge_disk.it": { ...disk, size: "2MiB" } },
    });
    const update = await workspace.said(["apply", "-json", "-auto-approve"]);
    expect(update.diagnostics.map(({ address }) => address)).toEqual(["lodge_disk.it"]);
    expect(workspace.instances()["lodge_disk.it"]!.status).toBeUndefined();
    const destroy = await workspace.said(["destroy", "-json", "-auto-approve"]);
    expect(destroy.exitCode).toBe(1);
    const titles = ["VM", "disk", "image", "network"];
    expect(destroy.diagnostics.map(({ detail }) => detail).toSorted()).toEqual(
      titles.map((title) => expect.stringMatching(new RegExp(`^The ${title}.*in the time`, "u"))),
    );
    expect(Object.keys(workspace.instances())).toHaveLength(titles.length);
    held[Symbol.dispose]();
    await ground.agent.during(workspace.destroy());
    expect(workspace.instances()).toEqual({});
  });
});

describe("at once", () => {
  const names = Array.from({ length: 20 }, (_, index) => `vm-${index}`);
  const twenty = (members: object = {}): Resources => ({
    "lodge_network.lan": { name: "lan", subnets: { main: { cidr: "10.20.0.0/24" } } },
    "lodge_address_pool.lan": {
      name: "lan",
      network_id: "${lodge_network.lan.id}",
      subnet: "main",
      ranges: ["10.20.0.10-10.20.0.29"],
    },
    ...Object.fromEntries(
      names.map((name) => [
        `lodge_vm.${name}`,
        {
          name,
          ...off,
          nics: {
            eth0: {
              network_id: "${lodge_network.lan.id}",
              ipv4_pool_id: "${lodge_address_pool.lan.id}",
            },
          },
          ...members,
        },
      ]),
    ),
  });

  test("twenty VMs have twenty addresses, fifty operations at a time", async () => {
    await using workspace = new Workspace([ground.agent], { resources: twenty() });
    await workspace.apply("-parallelism=50");
    const addresses = names.map(
      (name) => workspace.attributes()[`lodge_vm.${name}`]!["ipv4_address"],
    );
    expect(new Set(addresses).size).toBe(20);
    expect(await workspace.remains()).toEqual([]);
  });

  test("two users with the same names: each object is one's, and the other is told", async () => {
    const mine = Object.assign({}, ...names.map(vm)) as Resources;
    const theirs = Object.fromEntries(
      Object.entries(mine).map(([address, values]) => [address, { ...values, cpus: 2 }]),
    );
    await using one = new Workspace([ground.agent], { resources: mine });
    await using other = new Workspace([ground.agent], { resources: theirs });
    await Promise.all([one, other].map((workspace) => workspace.planned()));
    const results = await Promise.all(
      [one, other].map((workspace) =>
        workspace.run(["apply", "-no-color", workspace.planFile], { accept: "any" }),
      ),
    );
    const got = [one, other].map((workspace) => Object.keys(workspace.instances()));
    expect(got.flat().toSorted()).toEqual(names.map((name) => `lodge_vm.${name}`).toSorted());
    for (const [index, { stderr }] of results.entries())
      expect(stderr.match(/exists already/gu)?.length ?? 0).toBe(20 - got[index]!.length);
    const { records } = await ground.agent.world.store.list("vm");
    expect(records).toHaveLength(20);
  });
});

test("500 objects of two kinds are refreshed by a handful of calls", async () => {
  const { agent } = ground;
  const count = complete ? 1000 : 250;
  const resources = {
    "lodge_vm.many": { count, name: "vm-${count.index}", ...off },
    "lodge_disk.many": { count, name: "disk-${count.index}", size: "1MiB" },
  };
  const one = Object.fromEntries(
    Object.entries(resources).map(([address, values]) => [address, { ...values, count: 1 }]),
  );
  await using workspace = new Workspace([agent], { resources: one });
  await workspace.apply();
  for (let index = 1; index < count; index++) {
    await agent.world.put("vm", { ...off, name: `vm-${index}` } as never);
    await agent.world.put("disk", { name: `disk-${index}`, size: "1MiB" });
  }
  await agent.world.quiet();
  // An apply of so many would measure Terraform; their state is that of the one, with other names.
  const state = JSON.parse(workspace.stateText()) as {
    resources: { type: string; instances: Instance[] }[];
  };
  for (const { type, instances } of state.resources) {
    const kind = type === "lodge_vm" ? "vm" : "disk";
    const [first] = instances as [Instance & { private: string }];
    for (let index = 1; index < count; index++) {
      const name = `${kind}-${index}`;
      const id = agent.world.id(`${kind} ${name}`);
      const kept = { id, revision: 1 };
      instances.push({
        ...first,
        index_key: index,
        attributes: { ...first.attributes, id, name },
        private: Buffer.from(JSON.stringify(kept)).toString("base64"),
      } as never);
    }
  }
  workspace.write({ "terraform.tfstate": JSON.stringify(state) });
  workspace.configure({ resources });
  // The first refresh after a create claims.
  expect((await workspace.planned()).changes).toEqual({});
  agent.counted();
  expect((await workspace.planned()).changes).toEqual({});
  const { "VmService/List": vms = 0, "DiskService/List": disks = 0, ...others } = agent.counted();
  expect([vms, disks].map((calls) => calls > 0 && calls <= 20)).toEqual([true, true]);
  expect(Object.keys(others)).toEqual(["HostService/Get"]);
});

test("the client's key is in no state, plan, log or message, not even a broken one", async () => {
  const { caCertificate, clientCertificate, clientKey } = ground.agent.files;
  const [ca, certificate, key] = [caCertificate, clientCertificate, clientKey].map((file) =>
    readFileSync(file, "utf8"),
  ) as [string, string, string];
  const provider = { hosts: { dev: { endpoint: ground.agent.endpoint } } };
  await using workspace = new Workspace(
    [ground.agent],
    { resources: vm("web") },
    {
      provider,
      log: "TRACE",
      env: {
        LODGE_CA_CERTIFICATE_PEM: ca,
        LODGE_CLIENT_CERTIFICATE_PEM: certificate,
        LODGE_CLIENT_KEY_PEM: key,
      },
    },
  );
  await workspace.planned();
  const plan = JSON.stringify(await workspace.planJson());
  const results = [
    await workspace.applyPlanned(),
    await workspace.run(["apply", "-no-color", "-refresh-only", "-auto-approve"]),
  ];
  const state = workspace.stateText();
  const broken = key.replace(/-----END[^]*/u, "");
  const refused = await workspace.run(["plan", "-no-color"], {
    accept: [1],
    env: { LODGE_CLIENT_KEY_PEM: broken },
  });
  expect(refused.stderr).toContain("The key is no PEM private key");
  results.push(refused, await workspace.destroy());
  const backup = workspace.read("terraform.tfstate.backup");
  const printed = results.map(({ stdout, stderr }) => stdout + stderr).join("\n");
  const written = { plan, state, backup, printed, log: workspace.log };
  expect(written.log).toContain("terraform-provider-lodge");
  expect(written.backup).toContain("lodge_vm");
  const lines = key.split("\n").filter((line) => /^[A-Za-z0-9+/=]{20,}$/u.test(line));
  expect(lines.length).toBeGreaterThan(0);
  for (const [name, text] of Object.entries(written))
    for (const line of lines) expect([name, text.includes(line)]).toEqual([name, false]);
});
