import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { AddressPool } from "lodge-cdktf/lib/address-pool";
import { DataLodgeImage } from "lodge-cdktf/lib/data-lodge-image";
import { Disk } from "lodge-cdktf/lib/disk";
import { Network } from "lodge-cdktf/lib/network";
import { LodgeProvider } from "lodge-cdktf/lib/provider";
import { Vm } from "lodge-cdktf/lib/vm";

/**
 * Takes over a VM that exists, here the one of {@link OneVm}, with its disk and its network. What it boots stays with
 * whoever made it, and is looked up by name. Once applied, the calls of `importFrom` may go.
 */
export class Imported extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    new LodgeProvider(this, "lodge");

    // By the name, since there is one host; with several by `HOST/NAME`, and anywhere by the id.
    const network = new Network(this, "lan", {
      name: "lan",
      subnets: { main: { cidr: "10.20.0.0/24" } },
    });
    network.importFrom("lan");

    const addresses = new AddressPool(this, "addresses", {
      name: "lan",
      networkId: network.id,
      subnet: "main",
      ranges: ["10.20.0.10-10.20.0.99"],
    });
    addresses.importFrom("lan");

    const data = new Disk(this, "data", { name: "hello-data", size: "64MiB" });
    data.importFrom("hello-data");

    const vm = new Vm(this, "hello", {
      name: "hello",
      memory: "128MiB",
      kernel: {
        imageId: new DataLodgeImage(this, "kernel", { name: "kernel" }).id,
        initrdImageId: new DataLodgeImage(this, "initrd", { name: "initrd" }).id,
        commandLine: "console=ttyS0 quiet",
      },
      disks: { data: { diskId: data.id } },
      nics: { eth0: { networkId: network.id, ipv4PoolId: addresses.id } },
    });
    vm.importFrom("hello");

    new TerraformOutput(this, "address", { value: vm.ipv4Address });
  }
}
