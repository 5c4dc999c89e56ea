/** What stands beside the compiled code in a published package of bindings. */
import { libraries, type LibraryName } from "./libraries.ts";
import { address } from "./schema.ts";

/** The package's `package.json`. */
export function packageJson(library: LibraryName, version: string): object {
  const { package: name, peers, title } = libraries[library];
  const metadata = { isDeprecated: false, provider: { name: address, version } };
  return {
    name,
    version,
    description: `The Terraform provider Lodge for ${title}: QEMU virtual machines on your own hosts`,
    keywords: ["cdktf", "cdktn", "terraform", "opentofu", "provider", "qemu", "lodge"],
    license: "MPL-2.0",
    main: "lib/index.js",
    types: "lib/index.d.ts",
    exports: {
      // Node finds the names of an import in index.js; a require loads only what is used.
      ".": { types: "./lib/index.d.ts", import: "./lib/index.js", require: "./lib/lazy-index.js" },
      "./lib/*": { types: "./lib/*/index.d.ts", default: "./lib/*/index.js" },
      "./schema.json": "./schema.json",
      "./package.json": "./package.json",
    },
    files: ["lib", "schema.json"],
    peerDependencies: peers,
    // Where the command lines look for what is installed already.
    cdktf: metadata,
    cdktn: metadata,
  };
}

/** The package's `README.md`. */
export function packageReadme(library: LibraryName): string {
  const { package: name, title } = libraries[library];
  return `# ${name}

Typed bindings of the Terraform provider [Lodge](https://registry.terraform.io/providers/lodge/lodge) for ${title}:
QEMU virtual machines on your own Linux hosts.

\`\`\`shell
npm install ${name} ${library} constructs
\`\`\`

\`\`\`typescript
import { App, TerraformStack } from "${library}";
import { Disk } from "${name}/lib/disk";
import { LodgeProvider } from "${name}/lib/provider";

const app = new App();
const stack = new TerraformStack(app, "disks");
new LodgeProvider(stack, "lodge");
new Disk(stack, "data", { name: "web-data", size: "8GiB" });
app.synth();
\`\`\`

Import from \`${name}/lib/RESOURCE\`: that loads one resource and not all of them. The schema that the bindings are
made from is \`${name}/schema.json\`. Generated code, compiled to CommonJS; it works from ES modules as well.
`;
}
