/**
 * Lets Terraform and OpenTofu find the built provider as an installed one, and prints the path of the configuration file
 * that says so: for TF_CLI_CONFIG_FILE.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");
const executable = join(root, "dist", "terraform-provider-lodge");
if (!existsSync(executable)) {
  console.error("The provider is not built: run npm run build.");
  process.exit(1);
}

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const platform = `linux_${process.arch === "x64" ? "amd64" : process.arch}`;
const mirror = join(import.meta.dirname, "..", "dist", "mirror");
const registries = ["registry.terraform.io", "registry.opentofu.org"];
for (const registry of registries) {
  const place = join(mirror, registry, "lodge", "lodge", version, platform);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  symlinkSync(executable, join(place, `terraform-provider-lodge_v${version}`));
}
const file = join(mirror, "terraform.rc");
const path = JSON.stringify(mirror);
const ours = JSON.stringify(registries.map((registry) => `${registry}/lodge/lodge`));
writeFileSync(
  file,
  `provider_installation {
  filesystem_mirror {
    path    = ${path}
    include = ${ours}
  }
  direct {
    exclude = ${ours}
  }
}
`,
);
console.log(file);
