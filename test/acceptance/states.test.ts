/**
 * States that earlier versions have written: what is in them is found again, and nothing is to do. A directory of
 * `states` has a configuration and the state that a version left of it; it is never changed. To add one, apply
 * {@link written} with that version: LODGE_TEST_FREEZE=NAME makes it with this one.
 */
import { cpSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { specOf } from "../harness/acceptance/case.ts";
import { startFakeGround, type FakeGround } from "../harness/acceptance/fake-ground.ts";
import type { Resources } from "../harness/acceptance/kind.ts";
import { Workspace } from "../harness/acceptance/workspace.ts";

const states = join(import.meta.dirname, "states");
const freezing = [process.env["LODGE_TEST_FREEZE"]].filter((name) => name !== undefined);

/** Every attribute of every kind. The hosted image is on the fake host; the sent one was where Terraform ran once. */
const written = ({ hosted, local }: Pick<FakeGround, "hosted" | "local">): Resources => ({
  "lodge_network.lan": {
    name: "lan",
    mode: "nat",
    subnets: {
      main: { cidr: "10.20.0.0/24", gateway: "10.20.0.254", dns_servers: ["9.9.9.9"] },
      second: { cidr: "10.21.0.0/24" },
    },
    timeouts: { create: "5m", update: "6m", delete: "7m" },
  },
  "lodge_address_pool.lan": {
    name: "lan",
    host: "dev",
    network_id: "${lodge_network.lan.id}",
    subnet: "main",
    ranges: ["10.20.0.10-10.20.0.19", "10.20.0.30"],
    cooldown: "1h30m",
  },
  "lodge_image.hosted": { name: "hosted", host_path: hosted },
  "lodge_image.sent": { name: "sent", local_path: local },
  "lodge_disk.data": {
    name: "data",
    size: "8192KiB",
    image_id: "${lodge_image.sent.id}",
    deletion_protection: true,
  },
  "lodge_vm.small": { name: "small", memory: "96MiB", power_state: "stopped" },
  "lodge_vm.web": {
    name: "web",
    host: "dev",
    cpus: 2,
    memory: "131072KiB",
    firmware: "uefi",
    kernel: {
      image_id: "${lodge_image.hosted.id}",
      initrd_image_id: "${lodge_image.sent.id}",
      command_line: "quiet",
    },
    boot_order: ["root"],
    disks: {
      root: { image_id: "${lodge_image.hosted.id}", size: "4MiB" },
      data: { disk_id: "${lodge_disk.data.id}" },
    },
    nics: {
      eth0: {
        network_id: "${lodge_network.lan.id}",
        ipv4_pool_id: "${lodge_address_pool.lan.id}",
        ipv4_address: "10.20.0.15",
        mac: "52:54:00:00:00:15",
      },
    },
    primary_nic: "eth0",
    on_restart_required: "restart",
    shutdown_timeout: "90s",
    deletion_protection: true,
    wait_for: { timeout: "5m", on_timeout: "fail" },
  },
});

let ground: FakeGround;
beforeEach(async () => {
  ground = await startFakeGround();
});
afterEach(() => ground[Symbol.asyncDispose]());

test.each(freezing)("the state of this version is written down as %s", async (name) => {
  const local = "/var/tmp/lodge-sent.img";
  cpSync(ground.local, local);
  const resources = written({ hosted: ground.hosted, local });
  await using workspace = new Workspace([ground.agent], { resources });
  await ground.agent.during(workspace.apply("-parallelism=1"));
  expect(await workspace.remains()).toEqual([]);
  const place = join(states, name);
  mkdirSync(place);
  cpSync(join(workspace.directory, "terraform.tfstate"), join(place, "terraform.tfstate"));
  cpSync(join(workspace.directory, "main.tf.json"), join(place, "main.tf.json"));
});

/** Makes everything of a state on an empty host, under the ids that it has there. */
async function restore(workspace: Workspace): Promise<void> {
  const { world } = ground.agent;
  const state = Object.entries(workspace.attributes());
  for (const kind of ["network", "address_pool", "image", "disk", "vm"] as const) {
    for (const [address, attributes] of state.filter(([name]) =>
      name.startsWith(`lodge_${kind}.`),
    )) {
      const wish = { id: String(attributes["id"]), spec: specOf(kind, attributes) as never };
      if (kind === "image" && attributes["local_path"] !== null) {
        const bytes = readFileSync(ground.local);
        const chunks = (async function* () {
          yield bytes;
        })();
        const { signal } = new AbortController();
        await world.core.upload(
          { ...wish, sizeBytes: bytes.length },
          world.principal,
          chunks,
          signal,
        );
      } else {
        await world.core.services[kind].put(wish, world.principal);
      }
      await world.quiet();
      expect([address, (await world.store.get(kind, attributes["id"]))?.spec.name]).toEqual([
        address,
        attributes["name"],
      ]);
    }
  }
}

describe("the state of version", () => {
  test.each(readdirSync(states))("%s is understood", async (name) => {
    const { resource } = JSON.parse(readFileSync(join(states, name, "main.tf.json"), "utf8")) as {
      resource: Record<string, Record<string, object>>;
    };
    const resources = Object.entries(resource).flatMap(([type, byName]) =>
      Object.entries(byName).map(([label, values]) => [`${type}.${label}`, values]),
    );
    await using workspace = new Workspace([ground.agent], {
      resources: Object.fromEntries(resources) as Resources,
    });
    cpSync(join(states, name, "terraform.tfstate"), join(workspace.directory, "terraform.tfstate"));
    await restore(workspace);
    expect((await workspace.planned()).changes).toEqual({});
    expect((await workspace.planned("-refresh=false")).changes).toEqual({});
    // An update finds everything that it needs in what was written then.
    const renamed = resources.map(([address, values]) => [
      address,
      { ...(values as object), name: `${(values as { name: string }).name}-new` },
    ]);
    workspace.configure({ resources: Object.fromEntries(renamed) as Resources });
    const { changes } = await workspace.planned();
    expect(changes).toEqual(Object.fromEntries(resources.map(([address]) => [address, "update"])));
    await ground.agent.during(workspace.applyPlanned());
    expect(await workspace.remains()).toEqual([]);
  });
});
