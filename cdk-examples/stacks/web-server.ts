import { Construct } from "constructs";
import { AddressPool } from "lodge-cdktf/lib/address-pool";
import { Disk } from "lodge-cdktf/lib/disk";
import { Image } from "lodge-cdktf/lib/image";
import { Network } from "lodge-cdktf/lib/network";
import { Vm } from "lodge-cdktf/lib/vm";
import type { GuestFiles } from "./guest.ts";

/** One server of the tier. */
export interface WebServerProps {
  readonly guest: GuestFiles;
  /** The host that it lodges on. */
  readonly host: string;
  /** The first three numbers of its network's addresses, such as `10.20.0`. */
  readonly network: string;
}

/** A VM that serves on port 80, with all that it needs on its host: a network, images, and a disk that outlives it. */
export class WebServer extends Construct {
  readonly host: string;
  /** Known after the first apply. */
  readonly address: string;

  constructor(scope: Construct, id: string, { guest, host, network: prefix }: WebServerProps) {
    super(scope, id);
    this.host = host;

    const network = new Network(this, "network", {
      hosts: [host],
      name: "web",
      subnets: { main: { cidr: `${prefix}.0/24` } },
    });
    const addresses = new AddressPool(this, "addresses", {
      host,
      name: "web",
      networkId: network.id,
      subnet: "main",
      ranges: [`${prefix}.10-${prefix}.99`],
    });

    const kernel = this.image("kernel", guest.kernel);
    const initrd = this.image("initrd", guest.initrd);
    const content = new Disk(this, "content", { host, name: "web-content", size: "128MiB" });

    const vm = new Vm(this, "vm", {
      host,
      name: "web",
      memory: "128MiB",
      kernel: {
        imageId: kernel.id,
        initrdImageId: initrd.id,
        commandLine: "console=ttyS0 quiet",
      },
      disks: {
        content: { diskId: content.id },
        // Without an image and without a disk of its own life, it comes and goes with the VM.
        scratch: { size: "64MiB" },
      },
      nics: { eth0: { networkId: network.id, ipv4PoolId: addresses.id } },
      waitFor: { tcpPort: 80, timeout: "5m" },
    });
    this.address = vm.ipv4Address;
  }

  private image(name: string, localPath: string): Image {
    return new Image(this, name, { hosts: [this.host], name: `web-${name}`, localPath });
  }
}
