/** The app: `node main.ts` writes the stacks' Terraform configurations into `cdktf.out/stacks`. */
import { join } from "node:path";
import { App } from "cdktf";
import { EveryAttribute } from "./stacks/every-attribute.ts";
import { Imported } from "./stacks/imported.ts";
import { OneVm } from "./stacks/one-vm.ts";
import { WebTier } from "./stacks/web-tier.ts";

/** A kernel and an initial RAM disk on this machine; `npm run -s guest` makes them and says where they are. */
const directory = process.env["GUEST"] ?? "/srv/guest";
const guest = { kernel: join(directory, "vmlinux"), initrd: join(directory, "initrd") };

/** The endpoints of the hosts' agents, by the agents' names. */
const hosts = {
  rack1: "rack1.example.net:6800",
  rack2: "rack2.example.net:6800",
  rack3: "rack3.example.net:6800",
};

const app = new App();
new OneVm(app, "one-vm", { guest });
new WebTier(app, "web-tier", { guest, hosts });
new Imported(app, "imported");
new EveryAttribute(app, "every-attribute", {
  guest,
  endpoint: hosts.rack1,
  image: "/var/lib/lodge/import/debian-12.qcow2",
  caCertificate: "ca.pem",
  clientCertificate: "me.pem",
  clientKey: "me.key",
});
app.synth();
