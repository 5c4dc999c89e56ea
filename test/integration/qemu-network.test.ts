import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostNetworks } from "../../agent/src/driver/net/networks.ts";
import { QemuHost } from "../harness/qemu-host.ts";
import { TestHost } from "../harness/test-host.ts";

describe("a guest on a network", () => {
  let net: TestHost;
  let host: QemuHost;
  beforeEach(async () => {
    net = new TestHost();
    host = await QemuHost.create();
  });
  afterEach(async () => {
    await host[Symbol.asyncDispose]();
    await net[Symbol.asyncDispose]();
  });

  it("gets its addresses on all its interfaces, and serves its name on port 80", async () => {
    const config = host.config({ name: "web-9" });
    const networks = [await net.setNetwork(1), await net.setNetwork(2)];
    const nics = await Promise.all(
      networks.map((network, index) =>
        net.setNic(network, 10 + index, {
          vmId: config.vmId,
          vmName: config.name,
          nic: `nic${index}`,
        }),
      ),
    );
    const plugged = nics.map(({ nic, mac }) => ({ name: nic, mac }));
    const { vmId, guestBootId } = await host.boot({ ...config, nics: plugged });
    await host.printed(vmId, /eth0 has 10\.20\.1\.10\/24/);
    await host.printed(vmId, /eth1 has 10\.20\.2\.11\/24/);
    using driver = new HostNetworks(net.operations, net.layout);
    const connection = await driver.connect(networks[0]!.networkId, "10.20.1.10", 80, host.signal);
    connection.write("GET / HTTP/1.0\r\n\r\n");
    expect(await text(connection)).toMatch(new RegExp(`200 OK[^]*web-9 ${guestBootId}\n$`));
  });
});
