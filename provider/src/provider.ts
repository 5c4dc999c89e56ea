import { vmStart, vmStop } from "./actions/power-actions.ts";
import { vmReboot, vmReset } from "./actions/restart-actions.ts";
import { ProviderConfig, configure, providerRules } from "./configuration.ts";
import { host } from "./data-sources/host.ts";
import { hosts } from "./data-sources/hosts.ts";
import { kindDataSource } from "./data-sources/kind-data-source.ts";
import { kindListDataSource } from "./data-sources/kind-list-data-source.ts";
import { views } from "./data-sources/kind-view.ts";
import { addressList } from "./functions/address-list.ts";
import { cidrHosts } from "./functions/cidr-hosts.ts";
import { cidrRange } from "./functions/cidr-range.ts";
import { formatSize } from "./functions/format-size.ts";
import { macAddress } from "./functions/mac-address.ts";
import { macFromName } from "./functions/mac-from-name.ts";
import { parseDuration } from "./functions/parse-duration.ts";
import { parseSize } from "./functions/parse-size.ts";
import { kindListResource } from "./list-resources/kind-list-resource.ts";
import { addressPool } from "./resources/address-pool.ts";
import { disk } from "./resources/disk.ts";
import { image } from "./resources/image.ts";
import { network } from "./resources/network.ts";
import { vm } from "./resources/vm.ts";
import { defineProvider } from "./sdk/provider.ts";

/** The provider `lodge` with everything in it. */
export const provider = defineProvider({
  schema: ProviderConfig,
  rules: providerRules,
  description: "QEMU virtual machines on your own Linux hosts.",
  configure,
  resources: [network, addressPool, image, disk, vm],
  dataSources: [host, hosts, ...views.map(kindDataSource), ...views.map(kindListDataSource)],
  listResources: views.map(kindListResource),
  actions: [vmReboot, vmReset, vmStart, vmStop],
  functions: [
    addressList,
    cidrHosts,
    cidrRange,
    formatSize,
    macAddress,
    macFromName,
    parseDuration,
    parseSize,
  ],
});
