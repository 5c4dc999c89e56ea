/** Directories of the SDK's own provider, whose backend is a file, for tests under the real Terraform. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memoryProvider } from "../../../scripts/build/executables.ts";
import { buildExecutable } from "../executable.ts";
import { Terraform, type TerraformOptions } from "../terraform.ts";

/** The provider's executable, built once for a test file. */
export const memoryExecutable = await buildExecutable(memoryProvider);

export const address = "memory_item.a";

/** A working directory with the provider configured; its backend is `items.json` there. */
export function workspace(body: string, options: Partial<TerraformOptions> = {}): Terraform {
  const terraform = new Terraform({ providers: { "lodge/memory": memoryExecutable }, ...options });
  terraform.write({ "main.tf": configuration(body, terraform) });
  return terraform;
}

export function configuration(body: string, terraform: Terraform): string {
  return `
terraform {
  required_providers {
    memory = { source = "lodge/memory" }
  }
}
provider "memory" {
  path = "${join(terraform.directory, "items.json")}"
}
${body}
`;
}

export const rewrite = (terraform: Terraform, body: string) =>
  terraform.write({ "main.tf": configuration(body, terraform) });

export interface Stored {
  id: string;
  name: string;
  size: string;
  [key: string]: unknown;
}

export function items(terraform: Terraform): Stored[] {
  const path = join(terraform.directory, "items.json");
  return existsSync(path) ? Object.values(JSON.parse(readFileSync(path, "utf8"))) : [];
}

export function setItems(terraform: Terraform, stored: Stored[]): void {
  const all = Object.fromEntries(stored.map((item) => [item.id, item]));
  writeFileSync(join(terraform.directory, "items.json"), JSON.stringify(all));
}

/** What plans with and without a refresh would still do: nothing, once all is applied. */
export async function remaining(terraform: Terraform): Promise<string[]> {
  const plans = [await terraform.plan(), await terraform.plan("-refresh=false")];
  return plans.filter((plan) => plan.exitCode !== 0).map((plan) => plan.stdout);
}

export const full = `
resource "memory_item" "a" {
  name            = "one"
  size            = "4096MiB"
  count_of_things = 123456789012345678901234567890
  ratio           = 0.1
  labels          = { a = "1", "b c" = "ü" }
  steps           = ["x", "y"]
  ports           = [443, 80]
  settings        = { threads = 3 }
  disks = {
    root = { size = "10GiB", image = "debian" }
    data = { size = "1024MiB" }
  }
  rules    = [{ port = 22 }, { port = 53, protocol = "udp" }]
  partners = [{ name = "p" }, { name = "q", weight = 5 }]
  secret   = "do not show"
}
`;
