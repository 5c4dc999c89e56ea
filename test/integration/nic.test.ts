import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { exec } from "../../agent/src/lib/exec.ts";
import type { NicOperation } from "../../agent/src/lib/host-operations.ts";
import { links, paths } from "../../agent/src/lib/layout.ts";
import { createNetworkOperations } from "../../agent/src/host-ops/network-operations.ts";
import { TestHost } from "../harness/test-host.ts";

let host: TestHost;
beforeEach(() => {
  host = new TestHost();
});
afterEach(async () => {
  await host[Symbol.asyncDispose]();
});

it("does not take what cannot be read for nothing", async () => {
  mkdirSync(host.layout.runDir, { recursive: true });
  writeFileSync(paths.nics(host.layout), "");
  try {
    await expect(host.operations.listNics()).rejects.toMatchObject({ code: "ENOTDIR" });
  } finally {
    rmSync(paths.nics(host.layout));
  }
  expect(await host.operations.listNics()).toEqual([]);
});

const tapOf = ({ vmId, nic }: NicOperation) => links.tap(vmId, nic);

describe("setNic", () => {
  it("makes tap, guard and reservation, and nothing when they are there", async () => {
    const network = await host.setNetwork(1);
    const nic = await host.setNic(network, 10);
    const made = await host.everything();
    expect((made["links"] as { ifname: string }[]).map(({ ifname }) => ifname)).toContain(
      tapOf(nic),
    );
    expect(made["tables"]).toContain(`device "${tapOf(nic)}"`);
    await host.operations.setNic(nic, host.signal);
    await host.operations.setNic({ ...nic }, host.signal);
    expect(await host.everything()).toEqual(made);
  });

  it("makes many at once", async () => {
    const network = await host.setNetwork(1);
    const nics = Array.from({ length: 20 }, (_, index) => host.nic(network, 10 + index));
    await Promise.all(nics.map((nic) => host.operations.setNic(nic, host.signal)));
    expect((await host.operations.listNics()).length).toBe(20);
    const made = await host.everything();
    await Promise.all(nics.map((nic) => host.operations.setNic(nic, host.signal)));
    expect(await host.everything()).toEqual(made);
    await Promise.all(nics.map((nic) => host.operations.deleteNic(nic, host.signal)));
    expect(await host.operations.listNics()).toEqual([]);
  });

  it("gives the tap to the user as whom QEMU runs", async (context) => {
    const all = /^ *0 +0 +4294967295$/mu;
    if (!all.test(readFileSync("/proc/self/uid_map", "utf8")))
      context.skip("only root has other users to give it to");
    const operations = createNetworkOperations(host.layout, { qemuUser: 54_321 });
    const network = await host.setNetwork(1);
    const nic = host.nic(network, 10);
    await operations.setNic(nic, host.signal);
    const { stdout } = await exec("ip", ["-json", "-details", "link", "show", tapOf(nic)]);
    expect(JSON.parse(stdout)).toMatchObject([
      { linkinfo: { info_data: { type: "tap", user: 54_321, vnet_hdr: true, persist: true } } },
    ]);
  });

  describe("mends", () => {
    const breakages: Record<string, (nic: NicOperation) => Promise<unknown>> = {
      "a tap that is gone": (nic) => exec("ip", ["link", "delete", tapOf(nic)]),
      "a tap that is down": (nic) => exec("ip", ["link", "set", tapOf(nic), "down"]),
      "a tap that left its bridge": (nic) => exec("ip", ["link", "set", tapOf(nic), "nomaster"]),
      "a guard that is gone": ({ vmId, nic }) =>
        exec("nft", ["delete", "table", "netdev", links.guard(vmId, nic)]),
      "a guard that lets all through": ({ vmId, nic }) =>
        exec("nft", ["insert", "rule", "netdev", links.guard(vmId, nic), "ingress", "accept"]),
      "a reservation that is gone": ({ networkId }) =>
        exec("find", [paths.reservations(host.layout, networkId), "-type", "f", "-delete"]),
    };

    it.each(Object.keys(breakages))("%s", async (name) => {
      const network = await host.setNetwork(1);
      const nic = await host.setNic(network, 10);
      const before = await guardOf(nic);
      await breakages[name]!(nic);
      await host.operations.setNic(nic, host.signal);
      expect(await guardOf(nic)).toBe(before);
      const guest = await host.guest(nic);
      expect(await guest.dhcp()).toMatchObject({ ip: nic.ipv4Address });
      await expect.poll(() => guest.pings("10.20.1.1")).toBe(true);
    });
  });

  it("takes a tap that it was kept from naming", async () => {
    const network = await host.setNetwork(1);
    const nic = host.nic(network, 10);
    await exec("ip", ["tuntap", "add", "dev", tapOf(nic), "mode", "tap"]);
    await host.operations.setNic(nic, host.signal);
    expect((await (await host.guest(nic)).dhcp())?.["ip"]).toBe(nic.ipv4Address);
  });

  it("refuses a foreign link under the tap's name, and leaves it", async () => {
    const network = await host.setNetwork(1);
    const nic = host.nic(network, 10);
    await exec("ip", ["link", "add", tapOf(nic), "type", "bridge"]);
    await expect(host.operations.setNic(nic, host.signal)).rejects.toMatchObject({
      reason: "TAP_TAKEN",
      objectName: tapOf(nic),
    });
    await host.operations.deleteNic(nic, host.signal);
    await exec("ip", ["link", "delete", tapOf(nic)]);
  });

  it("moves an interface to another network, address and MAC address", async () => {
    const [one, two] = [await host.setNetwork(1), await host.setNetwork(2)];
    const before = await host.setNic(one, 10);
    const after = { ...host.nic(two, 20), vmId: before.vmId };
    await host.operations.setNic(after, host.signal);
    expect(await host.operations.listNics()).toEqual([{ vmId: before.vmId, nic: "eth0" }]);
    expect(reservations(one.networkId)).toEqual([]);
    const guest = await host.guest(after);
    expect(await guest.dhcp()).toMatchObject({ ip: after.ipv4Address, router: "10.20.2.1" });
    await expect.poll(() => guest.pings("10.20.2.1")).toBe(true);
  });

  it.each([
    ["a VM's id", { vmId: "x/../y" }],
    ["an interface's name", { nic: "../eth0" }],
    ["a VM's name", { vmName: "a,b" }],
    ["a MAC address", { mac: "52:54:00:00:00:01,1.2.3.4" }],
    ["a MAC address of one station", { mac: "ff:ff:ff:ff:ff:ff" }],
    ["an address", { ipv4Address: "10.0.0" }],
  ])("refuses what is not %s", async (_name, changes) => {
    const network = await host.setNetwork(1);
    const nic = { ...host.nic(network, 10), ...changes };
    await expect(host.operations.setNic(nic, host.signal)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    expect(existsSync(paths.nics(host.layout))).toBe(false);
  });
});

describe("deleteNic", () => {
  it("leaves nothing, also of one whose guest still runs", async () => {
    const network = await host.setNetwork(1);
    const before = await host.everything();
    const [idle, running] = [await host.setNic(network, 10), await host.setNic(network, 11)];
    await using guest = await host.guest(running);
    expect(await guest.dhcp()).toBeDefined();
    const { vmId, nic } = running;
    await Promise.all([
      host.operations.deleteNic(idle, host.signal),
      host.operations.deleteNic({ vmId, nic }, host.signal),
      host.operations.deleteNic({ vmId, nic }, host.signal),
    ]);
    await guest[Symbol.asyncDispose]();
    expect(await host.operations.listNics()).toEqual([]);
    const after = await host.everything();
    const { networkId } = network;
    expect(filesOf(before)).toContain(`network/${networkId}/leases`);
    expect(after).toEqual(before);
  });

  it("finds what an interrupted set has made", async () => {
    const network = await host.setNetwork(1);
    const before = await host.everything();
    const nic = host.nic(network, 10);
    const controller = new AbortController();
    const set = host.operations.setNic(nic, controller.signal);
    controller.abort();
    await expect(set).rejects.toThrow();
    expect(await host.operations.listNics()).toEqual([{ vmId: nic.vmId, nic: nic.nic }]);
    await host.operations.deleteNic(nic, host.signal);
    expect(await host.everything()).toEqual(before);
  });
});

const filesOf = (everything: Record<string, unknown>) => everything["files"] as string[];

const reservations = (networkId: string) => readdirSync(paths.reservations(host.layout, networkId));

async function guardOf({ vmId, nic }: NicOperation): Promise<string> {
  return (await exec("nft", ["list", "table", "netdev", links.guard(vmId, nic)])).stdout;
}
