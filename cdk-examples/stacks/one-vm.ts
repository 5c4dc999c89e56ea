import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { AddressPool } from "lodge-cdktf/lib/address-pool";
import { Disk } from "lodge-cdktf/lib/disk";
import { Image } from "lodge-cdktf/lib/image";
import { Network } from "lodge-cdktf/lib/network";
import { LodgeProvider } from "lodge-cdktf/lib/provider";
import { Vm } from "lodge-cdktf/lib/vm";
import type { GuestFiles } from "./guest.ts";

/** What a VM boots. */
export interface OneVmProps {
  readonly guest: GuestFiles;
}

/** One VM with a disk and an address of its own, on the agent of this machine. */
export class OneVm extends TerraformStack {
  constructor(scope: Construct, id: string, { guest }: OneVmProps) {
    super(scope, id);

    // Nothing is configured: the agent of this machine is used.
    new LodgeProvider(this, "lodge");

    const network = new Network(this, "lan", {
      name: "lan",
      subnets: { main: { cidr: "10.20.0.0/24" } },
    });
    const addresses = new AddressPool(this, "addresses", {
      name: "lan",
      networkId: network.id,
      subnet: "main",
      ranges: ["10.20.0.10-10.20.0.99"],
    });

    const kernel = new Image(this, "kernel", { name: "kernel", localPath: guest.kernel });
    const initrd = new Image(this, "initrd", { name: "initrd", localPath: guest.initrd });
    const data = new Disk(this, "data", { name: "hello-data", size: "64MiB" });

    const vm = new Vm(this, "hello", {
      name: "hello",
      memory: "128MiB",
      kernel: {
        imageId: kernel.id,
        initrdImageId: initrd.id,
        commandLine: "console=ttyS0 quiet",
      },
      disks: { data: { diskId: data.id } },
      nics: { eth0: { networkId: network.id, ipv4PoolId: addresses.id } },
      // Apply returns when the guest has taken its address.
      waitFor: { ipv4: true, timeout: "5m" },
    });

    new TerraformOutput(this, "address", { value: vm.ipv4Address });
  }
}
