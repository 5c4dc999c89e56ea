import { TerraformOutput, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { LodgeProvider } from "lodge-cdktf/lib/provider";
import type { GuestFiles } from "./guest.ts";
import { WebServer } from "./web-server.ts";

/** Where the tier is, and what its servers boot. */
export interface WebTierProps {
  readonly guest: GuestFiles;
  /** The endpoints of the hosts' agents, by the agents' names. */
  readonly hosts: Readonly<Record<string, string>>;
}

/**
 * A web server with a disk on each host. The certificates come from the environment: LODGE_CA_CERTIFICATE_FILE,
 * LODGE_CLIENT_CERTIFICATE_FILE and LODGE_CLIENT_KEY_FILE.
 */
export class WebTier extends TerraformStack {
  constructor(scope: Construct, id: string, { guest, hosts }: WebTierProps) {
    super(scope, id);

    new LodgeProvider(this, "lodge", {
      hosts: Object.fromEntries(
        Object.entries(hosts).map(([name, endpoint]) => [name, { endpoint }]),
      ),
    });

    const servers = Object.keys(hosts).map(
      (host, index) => new WebServer(this, host, { guest, host, network: `10.20.${index}` }),
    );

    new TerraformOutput(this, "addresses", {
      description: "The servers' addresses by host.",
      value: Object.fromEntries(servers.map(({ host, address }) => [host, address])),
    });
  }
}
