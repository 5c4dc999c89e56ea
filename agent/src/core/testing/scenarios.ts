/** The lives of objects, as a client leads them that repeats what it was not answered. Shared by the crash matrices. */
import { createHash } from "node:crypto";
import type { KindName, SpecInputOf } from "@lodge/schemas/spec/kind.ts";
import type { World } from "./world.ts";

export interface Scenario {
  readonly name: string;
  /** What there is before. */
  readonly prepare: (world: World) => Promise<void>;
  /** What happens; done again from its beginning by the client after the agent died. */
  readonly act: (world: World) => Promise<void>;
  /** What must be so in the end, beside the invariants; what is wrong, in words. */
  readonly check: (world: World) => Promise<readonly string[]>;
}

/** What `terraform apply` does with one object: create or edit it, unless it is as it should be. */
async function apply<K extends KindName>(
  world: World,
  kind: K,
  spec: SpecInputOf<K>,
): Promise<void> {
  await world.put(kind, spec).catch((error: { reason?: string }) => {
    // Its answer was lost, and the wish is there.
    if (error.reason !== "REVISION_MISMATCH") throw error;
  });
}

async function remove(world: World, kind: KindName, name: string): Promise<void> {
  const id = world.id(`${kind} ${name}`);
  await world.core.services[kind].delete(id).catch((error: { code?: string }) => {
    if (error.code !== "NOT_FOUND") throw error;
  });
}

const rich = (world: World, members: Partial<SpecInputOf<"vm">> = {}) =>
  world.vm("web", {
    shutdown_timeout: "10s",
    firmware: "uefi",
    disks: {
      root: { image_id: world.id("image debian"), size: "1GiB" },
      scratch: { size: "4MiB" },
      data: { disk_id: world.id("disk data") },
    },
    ...members,
  });

async function withVm(world: World): Promise<void> {
  await world.put("disk", { name: "data", size: "1GiB" });
  await world.put("vm", rich(world));
  await world.quiet();
}

const status = async (world: World) => (await world.get("vm", "web"))?.status;
const said = (truth: boolean, words: string): string[] => (truth ? [] : [words]);

const uploaded = Buffer.alloc(2048, "an uploaded image");

export const scenarios: readonly Scenario[] = [
  {
    name: "create",
    prepare: async () => {},
    act: async (world) => {
      await apply(world, "network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" } } });
      await apply(world, "image", { name: "kernel", host_path: "/images/kernel" });
      await apply(world, "disk", { name: "data", size: "1GiB" });
      await apply(world, "vm", rich(world, { kernel: { image_id: world.id("image kernel") } }));
    },
    check: async (world) => [
      ...said((await status(world))?.phase === "running", "the VM does not run"),
      ...said((await status(world))?.boots === 1, "the VM was started more than once"),
      ...said(world.disks.files.size === 4, "there are not four disks"),
    ],
  },
  {
    name: "upload",
    prepare: async () => {},
    act: async (world) => {
      const sha256 = createHash("sha256").update(uploaded).digest("hex");
      await world.core.upload(
        { id: world.id("image up"), spec: { name: "up", sha256 }, sizeBytes: uploaded.length },
        world.principal,
        (async function* () {
          yield uploaded;
        })(),
        new AbortController().signal,
      );
    },
    check: async (world) =>
      said((await world.get("image", "up"))?.status.phase === "ready", "the image is not there"),
  },
  {
    name: "update in place",
    prepare: withVm,
    act: async (world) => {
      await apply(world, "disk", { name: "data", size: "2GiB" });
      await apply(
        world,
        "vm",
        rich(world, {
          memory: "256MiB",
          disks: {
            root: { image_id: world.id("image debian"), size: "3GiB" },
            data: { disk_id: world.id("disk data") },
          },
        }),
      );
    },
    check: async (world) => [
      ...said((await status(world))?.boots === 1, "the guest was restarted"),
      ...said(
        (await status(world))?.restart_required.join() === "memory,disks.scratch",
        "restart_required is wrong",
      ),
    ],
  },
  {
    name: "update with a restart",
    prepare: withVm,
    act: (world) =>
      apply(
        world,
        "vm",
        rich(world, {
          cpus: 2,
          on_restart_required: "restart",
          nics: {},
          disks: { root: { image_id: world.id("image debian"), size: "2GiB" } },
        }),
      ),
    check: async (world) => [
      ...said(world.hypervisor.config(world.id("vm web"))?.cpus === 2, "it has not the new wish"),
      ...said(world.disks.files.size === 3, "a disk is left over, or missing"),
      ...said(world.networks.nics.size === 1, "an interface is left over"),
    ],
  },
  {
    name: "stop by force",
    prepare: async (world) => {
      await withVm(world);
      world.hypervisor.obedient = false;
    },
    act: (world) => apply(world, "vm", rich(world, { power_state: "stopped" })),
    check: async (world) => said((await status(world))?.phase === "stopped", "it is not stopped"),
  },
  ...(["reboot", "reset"] as const).map((name): Scenario => ({
    name,
    prepare: withVm,
    act: async (world) => {
      const vm = (await world.get("vm", "web"))!;
      if (vm.status.boots !== 1 || vm.status.boot_id === null) return;
      const asked = { id: vm.id, bootId: vm.status.boot_id, force: name === "reset" };
      await world.core.restart(asked).catch((error: { reason?: string }) => {
        // What was asked for before is under way.
        if (error.reason !== "VM_NOT_RUNNING") throw error;
      });
    },
    check: async (world) => [
      ...said((await status(world))?.phase === "running", "it does not run"),
      ...said((await status(world))?.boots === 2, "it was not started once more"),
    ],
  })),
  {
    name: "grow while stopped, then start",
    prepare: async (world) => {
      await withVm(world);
      await world.put("vm", rich(world, { power_state: "stopped" }));
      await world.quiet();
    },
    act: async (world) => {
      await apply(world, "disk", { name: "data", size: "5GiB" });
      await apply(world, "vm", rich(world));
    },
    check: async (world) =>
      said((await status(world))?.boots === 2, "it was not started once more"),
  },
  {
    name: "qemu killed",
    prepare: withVm,
    act: async (world) => {
      const machine = await world.hypervisor.observe(
        world.id("vm web"),
        new AbortController().signal,
      );
      const boot = (await status(world))?.boots;
      if (machine?.state === "running" && boot === 1) world.hypervisor.kill(world.id("vm web"));
    },
    check: async (world) => said((await status(world))?.phase === "running", "it does not run"),
  },
  {
    name: "disk full under a guest",
    prepare: async (world) => {
      await withVm(world);
      world.hypervisor.full = true;
      world.hypervisor.pause(world.id("vm web"), "disk root: the host's file system is full");
      await world.pass(20_000);
      if ((await status(world))?.reason !== "DISK_FULL") throw new Error("nobody is told of it");
    },
    act: async (world) => {
      world.hypervisor.full = false;
    },
    check: async (world) => [
      ...said((await status(world))?.phase === "running", "it stands still"),
      ...said((await status(world))?.boots === 1, "it was restarted"),
    ],
  },
  {
    name: "guest powers itself off",
    prepare: withVm,
    act: async (world) => {
      const machines = await world.machines();
      const web = machines.find(({ vmId }) => vmId === world.id("vm web"));
      const boots = (await status(world))?.boots;
      if (web?.state === "running" && boots === 1) world.hypervisor.guestPowersOff(web.vmId);
    },
    check: async (world) => [
      ...said((await status(world))?.reason === "GUEST_SHUTDOWN", "its power-off is forgotten"),
      ...said((await status(world))?.boots === 1, "its power-off was undone"),
    ],
  },
  {
    name: "delete",
    prepare: withVm,
    act: async (world) => {
      await remove(world, "vm", "web");
      await world.pass(120_000);
      await remove(world, "disk", "data");
      await remove(world, "vm", "keep");
      await world.pass(120_000);
      await remove(world, "image", "debian");
      await remove(world, "address_pool", "lan");
      await remove(world, "network", "lan");
    },
    check: async (world) => {
      const left = await Promise.all(
        (["vm", "disk", "image", "address_pool", "network"] as const).map(
          async (kind) => (await world.store.list(kind)).records.length,
        ),
      );
      return said(
        left.every((count) => count === 0),
        `records are left: ${left.join()}`,
      );
    },
  },
];
