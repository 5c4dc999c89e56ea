/** VMs: whatever is wished for, whatever guests do, and whoever else is at work, the provider and the agent agree. */
import fc from "fast-check";
import { test } from "vitest";
import { CoreAgent } from "../harness/core-agent.ts";
import { anyId, anyName, anyTimeouts, idOf, maybe, pick, record, walk } from "../harness/life.ts";

/** A host whose guests take their addresses and say that they are there. */
async function host(): Promise<CoreAgent> {
  const agent = await CoreAgent.start();
  const { world } = agent;
  const start = world.hypervisor.start.bind(world.hypervisor);
  world.hypervisor.start = async (config, signal) => {
    const machine = await start(config, signal);
    setImmediate(() => {
      if (!world.hypervisor.config(config.vmId)) return;
      world.hypervisor.guestPrints(config.vmId, "guest is ready\n");
      for (const { name } of config.nics) world.networks.boot(config.vmId, name);
    });
    return machine;
  };
  await world.furnish();
  // Addresses that lives take and give back are theirs at once.
  const pool = {
    network_id: idOf("network lan"),
    subnet: "main",
    ranges: ["10.20.0.10-10.20.0.19"],
  };
  await world.put("address_pool", { name: "lan", cooldown: "0s", ...pool });
  await world.put("network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" } } });
  await world.put("address_pool", {
    name: "dmz",
    network_id: idOf("network dmz"),
    subnet: "main",
    ranges: ["10.30.0.10-10.30.0.99"],
    cooldown: "0s",
  });
  await world.put("image", { name: "kernel", host_path: "/images/kernel" });
  for (const name of ["data", "more"]) await world.put("disk", { name, size: "1GiB" });
  await world.quiet();
  return agent;
}

const anyDisk = (name: string, step: number) =>
  fc.oneof(
    record({ size: pick(`${step + 1}GiB`, `${(step + 1) * 1024}MiB`) }),
    record({ image_id: anyId("image", "debian"), size: maybe(pick(`${step + 1}GiB`)) }),
    record({ disk_id: anyId("disk", name) }),
  );

const anyNic = (index: number) =>
  fc.oneof(
    record({
      network_id: anyId("network", "lan", "dmz"),
      mac: maybe(pick(`52:54:00:00:00:0${index}`)),
    }),
    record({
      network_id: anyId("network", "lan"),
      ipv4_pool_id: anyId("address_pool", "lan"),
      ipv4_address: maybe(pick(`10.20.0.1${index}`)),
      mac: maybe(pick(`52:54:00:00:00:0${index}`)),
    }),
    record({ network_id: anyId("network", "dmz"), ipv4_pool_id: anyId("address_pool", "dmz") }),
  );

const some = (entries: Record<string, fc.Arbitrary<object>>) =>
  maybe(
    record(
      Object.fromEntries(
        Object.entries(entries).map(([name, arbitrary]) => [name, maybe(arbitrary)]),
      ),
    ).map((all) => Object.fromEntries(Object.entries(all).filter(([, entry]) => entry !== null))),
  );

const anyVm = (step: number) =>
  record({
    name: anyName,
    cpus: maybe(pick(1, 2, 4)),
    memory: pick("128MiB", "131072KiB", "1GiB", "1024MiB"),
    power_state: pick(null, "running", "running", "stopped"),
    firmware: maybe(pick("bios", "uefi")),
    kernel: maybe(
      record({
        image_id: anyId("image", "kernel"),
        initrd_image_id: maybe(anyId("image", "debian")),
        command_line: maybe(pick("quiet", "")),
      }),
    ),
    disks: some({ data: anyDisk("data", step), more: anyDisk("more", step) }),
    nics: some({ eth0: anyNic(0), eth1: anyNic(1) }),
    on_restart_required: maybe(pick("defer", "restart")),
    shutdown_timeout: maybe(pick("60s", "1m", "0s")),
    deletion_protection: maybe(pick(false)),
    wait_for: maybe(
      record({
        console: maybe(pick("is ready")),
        timeout: maybe(pick("10s")),
        on_timeout: maybe(pick("warn", "fail")),
      }),
    ),
    timeouts: anyTimeouts,
    ordered: fc.boolean(),
  });

/** What names disks and interfaces names those that there are. */
function mixed({
  ordered,
  ...vm
}: {
  ordered: boolean;
  disks: object | null;
  nics: object | null;
}): object {
  return {
    ...vm,
    boot_order: ordered ? Object.keys(vm.disks ?? {}).toReversed() : null,
    primary_nic: ordered ? (Object.keys(vm.nics ?? {}).at(-1) ?? null) : null,
  };
}

test("every life of a VM", async () => {
  await walk(
    {
      kind: "vm",
      host,
      config: anyVm,
      mixed,
      edit: (spec) => ({
        ...spec,
        memory: 512 * 2 ** 20,
        disks: {},
        boot_order: [],
        shutdown_timeout: 5000,
      }),
      events: {
        "power-off by the guest": ({ world }, id) => {
          if (world.hypervisor.config(id)) world.hypervisor.guestPowersOff(id);
        },
        "reboot by the guest": ({ world }, id) => {
          if (world.hypervisor.config(id)) world.hypervisor.guestResets(id);
        },
        "QEMU killed": ({ world }, id) => {
          if (world.hypervisor.config(id)) world.hypervisor.kill(id);
        },
        "stopped by somebody": async ({ world }, id) => {
          const { spec, specRevision } = (await world.store.get("vm", id))!;
          await world.core.services.vm.put(
            { id, spec: { ...spec, power_state: "stopped" }, expectedRevision: specRevision },
            world.principal,
          );
        },
      },
    },
    40,
  );
});
