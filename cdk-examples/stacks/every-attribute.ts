import { TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { AddressPool } from "lodge-cdktf/lib/address-pool";
import { DataLodgeAddressPool } from "lodge-cdktf/lib/data-lodge-address-pool";
import { DataLodgeAddressPools } from "lodge-cdktf/lib/data-lodge-address-pools";
import { DataLodgeDisk } from "lodge-cdktf/lib/data-lodge-disk";
import { DataLodgeDisks } from "lodge-cdktf/lib/data-lodge-disks";
import { DataLodgeHost } from "lodge-cdktf/lib/data-lodge-host";
import { DataLodgeHosts } from "lodge-cdktf/lib/data-lodge-hosts";
import { DataLodgeImage } from "lodge-cdktf/lib/data-lodge-image";
import { DataLodgeImages } from "lodge-cdktf/lib/data-lodge-images";
import { DataLodgeNetwork } from "lodge-cdktf/lib/data-lodge-network";
import { DataLodgeNetworks } from "lodge-cdktf/lib/data-lodge-networks";
import { DataLodgeVm } from "lodge-cdktf/lib/data-lodge-vm";
import { DataLodgeVms } from "lodge-cdktf/lib/data-lodge-vms";
import { Disk } from "lodge-cdktf/lib/disk";
import { Image } from "lodge-cdktf/lib/image";
import { Network } from "lodge-cdktf/lib/network";
import { LodgeProvider } from "lodge-cdktf/lib/provider";
import { Vm } from "lodge-cdktf/lib/vm";
import type { GuestFiles } from "./guest.ts";

/** Where it is, and how to get in. */
export interface EveryAttributeProps {
  readonly guest: GuestFiles;
  /** The endpoint of the agent `rack1`. */
  readonly endpoint: string;
  /** The file of a disk image on that host, below one of the agent's image roots. */
  readonly image: string;
  /** The files of the certificates. */
  readonly caCertificate: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

const host = "rack1";
const timeouts = { create: "10m", update: "10m", delete: "5m" };

/** Sets every attribute of the provider, of each resource and of each data source at least once: for looking up. */
export class EveryAttribute extends TerraformStack {
  constructor(scope: Construct, id: string, props: EveryAttributeProps) {
    super(scope, id);
    const { guest, endpoint, image, caCertificate, clientCertificate, clientKey } = props;

    new LodgeProvider(this, "files", {
      hosts: { [host]: { endpoint } },
      defaultHost: host,
      caCertificateFile: caCertificate,
      clientCertificateFile: clientCertificate,
      clientKeyFile: clientKey,
    });
    // Certificates may also be values, such as those of a secret store.
    const inline = new LodgeProvider(this, "inline", {
      alias: "inline",
      hosts: { [host]: { endpoint } },
      defaultHost: host,
      caCertificatePem: `\${file("${caCertificate}")}`,
      clientCertificatePem: `\${file("${clientCertificate}")}`,
      clientKeyPem: `\${file("${clientKey}")}`,
    });

    const network = new Network(this, "network", {
      name: "every",
      hosts: [host],
      mode: "nat",
      subnets: {
        main: { cidr: "10.30.0.0/24", gateway: "10.30.0.254", dnsServers: ["9.9.9.9"] },
      },
      timeouts,
    });
    const pool = new AddressPool(this, "pool", {
      name: "every",
      host,
      networkId: network.id,
      subnet: "main",
      ranges: ["10.30.0.10-10.30.0.19", "10.30.0.30"],
      cooldown: "60s",
      timeouts,
    });

    const kernel = new Image(this, "kernel", {
      name: "every-kernel",
      hosts: [host],
      localPath: guest.kernel,
      sha256: `\${filesha256("${guest.kernel}")}`,
      timeouts,
    });
    const initrd = new Image(this, "initrd", { name: "every-initrd", localPath: guest.initrd });
    const debian = new Image(this, "debian", {
      name: "every-debian",
      hostPath: image,
    });

    const disk = new Disk(this, "disk", {
      name: "every-disk",
      host,
      imageId: debian.id,
      size: "12GiB",
      deletionProtection: false,
      timeouts,
    });

    const direct = new Vm(this, "direct", {
      name: "every-direct",
      host,
      cpus: 2,
      memory: "256MiB",
      powerState: "running",
      kernel: { imageId: kernel.id, initrdImageId: initrd.id, commandLine: "console=ttyS0" },
      disks: { data: { diskId: disk.id }, scratch: { size: "1GiB" } },
      nics: {
        eth0: {
          networkId: network.id,
          ipv4PoolId: pool.id,
          ipv4Address: "10.30.0.30",
          mac: "52:54:00:12:34:56",
        },
        eth1: { networkId: network.id },
      },
      primaryNic: "eth0",
      onRestartRequired: "restart",
      shutdownTimeout: "90s",
      deletionProtection: false,
      waitFor: {
        ipv4: true,
        tcpPort: 80,
        console: "login:",
        timeout: "3m",
        onTimeout: "warn",
      },
      timeouts,
    });
    new Vm(this, "firmware", {
      provider: inline,
      name: "every-firmware",
      memory: "1GiB",
      firmware: "uefi",
      disks: { root: { imageId: debian.id, size: "10GiB" }, spare: { size: "1GiB" } },
      bootOrder: ["root", "spare"],
    });

    new DataLodgeHost(this, "host-facts", { name: host });
    new DataLodgeHosts(this, "hosts", { reachable: true, capability: "qemu" });

    // What is made above is looked up after it is there.
    const dependsOn = [network, pool, kernel, disk, direct];
    new DataLodgeNetwork(this, "network-by-id", { id: network.id });
    new DataLodgeNetwork(this, "network-by-name", { name: "every", host, dependsOn });
    new DataLodgeAddressPool(this, "pool-by-id", { id: pool.id });
    new DataLodgeAddressPool(this, "pool-by-name", { name: "every", host, dependsOn });
    new DataLodgeImage(this, "image-by-id", { id: kernel.id });
    new DataLodgeImage(this, "image-by-name", { name: "every-kernel", host, dependsOn });
    new DataLodgeDisk(this, "disk-by-id", { id: disk.id });
    new DataLodgeDisk(this, "disk-by-name", { name: "every-disk", host, dependsOn });
    new DataLodgeVm(this, "vm-by-id", { id: direct.id });
    new DataLodgeVm(this, "vm-by-name", { name: "every-direct", host, dependsOn });

    const search = { host, namePrefix: "every", nameRegex: "^every", dependsOn };
    new DataLodgeNetworks(this, "networks", { ...search, mode: "nat", phase: "ready" });
    new DataLodgeAddressPools(this, "pools", {
      ...search,
      networkId: network.id,
      phase: "ready",
    });
    new DataLodgeImages(this, "images", {
      ...search,
      format: "qcow2",
      sha256: kernel.sha256,
      phase: "ready",
    });
    new DataLodgeDisks(this, "disks", {
      ...search,
      attached: true,
      attachedVmId: direct.id,
      imageId: debian.id,
      ownerVmId: direct.id,
      phase: "ready",
    });
    new DataLodgeVms(this, "vms", {
      ...search,
      actualPowerState: "running",
      networkId: network.id,
      phase: "running",
    });
  }
}
