/** The real Terraform with the built provider, against agents of tests. */
import { join } from "node:path";
import { buildGuest, type Guest } from "../../scripts/guest/build.ts";
import { guestCommandLine } from "../../scripts/guest/command-line.ts";
import { dist } from "./executable.ts";
import { providerBlock, type TestAgent } from "./agent.ts";
import { Terraform, type TerraformOptions } from "./terraform.ts";

/** A working directory with the provider, configured for some agents. */
export class LodgeTerraform extends Terraform {
  readonly agents: readonly TestAgent[];

  constructor(agents: readonly TestAgent[], body: string, options: Partial<TerraformOptions> = {}) {
    super({ providers: { "lodge/lodge": join(dist, "terraform-provider-lodge") }, ...options });
    this.agents = agents;
    this.rewrite(body);
  }

  /** Replaces everything but the provider block. */
  rewrite(body: string): void {
    this.write({ "main.tf": `${providerBlock(this.agents)}\n${body}` });
  }

  /** What plans with and without a refresh would still do: nothing, once all is applied. */
  async remaining(): Promise<string[]> {
    const plans = [await this.plan(), await this.plan("-refresh=false")];
    return plans.filter((plan) => plan.exitCode !== 0).map((plan) => plan.stdout);
  }
}

let guest: Promise<Guest> | undefined;

/** The small guest; built once, then cached. */
export function smallGuest(): Promise<Guest> {
  return (guest ??= buildGuest());
}

/** Images of the small guest's kernel and initial RAM disk, as `lodge_image.kernel` and `lodge_image.initrd`. */
export async function guestImages(): Promise<string> {
  const { kernel, initrd } = await smallGuest();
  return `
resource "lodge_image" "kernel" {
  name       = "kernel"
  local_path = "${kernel}"
}
resource "lodge_image" "initrd" {
  name       = "initrd"
  local_path = "${initrd}"
}
`;
}

/** The attribute `kernel` of a VM that boots the small guest. */
export const guestKernel = `
  kernel = {
    image_id        = lodge_image.kernel.id
    initrd_image_id = lodge_image.initrd.id
    command_line    = "${guestCommandLine}"
  }
`;

/** A network with a pool, as `lodge_network.lan` and `lodge_address_pool.lan`. */
export const lan = `
resource "lodge_network" "lan" {
  name    = "lan"
  subnets = { main = { cidr = "10.20.0.0/24" } }
}
resource "lodge_address_pool" "lan" {
  name       = "lan"
  network_id = lodge_network.lan.id
  subnet     = "main"
  ranges     = ["10.20.0.10-10.20.0.99"]
  cooldown   = "0s"
}
`;

/** The attribute `nics` of a VM with an address of that pool. */
export const lanNic = `
  nics = {
    eth0 = { network_id = lodge_network.lan.id, ipv4_pool_id = lodge_address_pool.lan.id }
  }
`;
