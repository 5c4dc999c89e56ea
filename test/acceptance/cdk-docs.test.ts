/** What the docs say of CDKTF is true: each program is typed and valid, the claims hold, and the walk leads to a VM. */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { ensureBindings, examples } from "../../cdk-examples/scripts/bindings.ts";
import { libraryNames } from "../../cdk-examples/scripts/libraries.ts";
import { synthesizeApp } from "../../cdk-examples/scripts/stacks.ts";
import { command } from "../harness/agent.ts";
import { dist } from "../harness/executable.ts";
import { smallGuest } from "../harness/lodge.ts";
import { Terraform, terraformBinary } from "../harness/terraform.ts";

const root = join(examples, "..");
const guide = readFileSync(join(root, "docs", "guides", "cdktf.md"), "utf8");
const readme = readFileSync(join(examples, "README.md"), "utf8");
const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gmsu"))].map(
    ([, block]) => block!,
  );

const programs = [
  ...blocks(guide, "typescript").map((text, index) => [`guide ${index + 1}`, text] as const),
  ...blocks(readme, "typescript").map((text, index) => [`README ${index + 1}`, text] as const),
];

beforeAll(async () => {
  await Promise.all([smallGuest(), ensureBindings()]);
});

/** The provider as users install it. */
const workspace = () =>
  new Terraform({
    providers: { "lodge/lodge": join(dist, "terraform-provider-lodge") },
    installation: "mirror",
  });

/** The configuration that a program has made, in its one stack. */
async function synthesized(terraform: Terraform, text: string): Promise<void> {
  const out = join(terraform.directory, "out");
  mkdirSync(out);
  await synthesizeApp(text, out);
  const [, name] = /new (?:TerraformStack|\w+)\(app, "([^"]+)"/u.exec(text)!;
  terraform.write({ "cdk.tf.json": terraform.read(join("out", "stacks", name!, "cdk.tf.json")) });
}

test("there are programs", () => {
  expect(programs.length).toBeGreaterThanOrEqual(5);
});

test.each(programs)("%s is typed, and what it makes is valid", async (_, text) => {
  await using terraform = workspace();
  await synthesized(terraform, text);
  await terraform.init();
  const { stdout } = await terraform.run(["validate", "-json"]);
  expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0, warning_count: 0 });
  if (!text.includes("functions")) return;
  const plan = await terraform.plan();
  expect(plan.json.planned_values.outputs.range.value).toBe("10.20.0.10-10.20.0.99");
});

describe.each(libraryNames)("claims about %s", (library) => {
  const app = (body: string): string => `
    import { App, Fn, TerraformOutput, TerraformStack } from "${library}";
    import { Disk } from "lodge-${library}/lib/disk";
    import { LodgeProvider } from "lodge-${library}/lib/provider";
    import { Vm } from "lodge-${library}/lib/vm";
    const app = new App();
    const stack = new TerraformStack(app, "claims");
    new LodgeProvider(stack, "lodge");
    const disk = new Disk(stack, "disk", { name: "data", size: "1GiB" });
    const vm = new Vm(stack, "vm", { name: "web", memory: "1GiB", nics: {} });
    const output = (name: string, value: unknown) => new TerraformOutput(stack, name, { value });
    ${body}
    console.assert([Fn, disk, vm, output].length === 4);
    app.synth();`;

  async function outputs(body: string): Promise<Record<string, { readonly value: unknown }>> {
    await using terraform = workspace();
    await synthesized(terraform, app(body));
    return JSON.parse(terraform.read("cdk.tf.json")).output;
  }

  test("what TypeScript computes of tokens is lost", async () => {
    const made = await outputs(`
      output("text", \`It has \${vm.cpus} CPUs.\`);
      output("sum", disk.sizeBytes + 1);
      output("product", disk.sizeBytes * 2);
      output("condition", vm.ready ? "always" : "never");
      output("unquoted", vm.disks.get("data").size);
      output("quoted", vm.disks.get('"data"').size);`);
    expect(made).toEqual({
      text: { value: "It has ${lodge_vm.vm.cpus} CPUs." },
      sum: { value: "${lodge_disk.disk.size_bytes}" },
      product: { value: expect.closeTo(-1.6e299, -299) },
      condition: { value: "always" },
      unquoted: { value: "${lodge_vm.vm.disks[data].size}" },
      quoted: { value: '${lodge_vm.vm.disks["data"].size}' },
    });
  });

  test("a list has no elements in TypeScript", async () => {
    await expect(outputs(`output("first", vm.restartRequired[0]);`)).rejects.toThrow(
      "Found an encoded list token string in a scalar string context",
    );
  });

  test("HCL has blocks where attributes should be", async () => {
    const made = await outputs(`
      const { Testing } = await import("${library}");
      const other = new TerraformStack(Testing.app(), "other");
      new Vm(other, "vm", { name: "web", memory: "1GiB", kernel: { imageId: "x" } });
      output("hcl", JSON.stringify(Testing.synthHcl(other)));`);
    expect(made["hcl"]!.value).toMatch(/nkernel \{/u);
  });
});

test("bindings for cdktf fail inside an app of cdktn", async () => {
  await using terraform = workspace();
  const text = `
    import { App, TerraformStack } from "cdktn";
    import { LodgeProvider } from "lodge-cdktf/lib/provider";
    const app = new App();
    new LodgeProvider(new TerraformStack(app, "mixed") as never, "lodge");
    app.synth();`;
  await expect(synthesized(terraform, text)).rejects.toThrow(
    "_resetResolveDiscoveredProviderFeatureUsage is not a function",
  );
});

test("the package is packed where it is installed from, and nowhere else", () => {
  const [pack, install] = blocks(readme.split("## In a project of your own")[1]!, "shell")[0]!
    .split("\n")
    .map((line) => line.replace(/ +#.*$/u, ""));
  const archive = /~\/lodge\/(?<path>\S+\.tgz)$/u.exec(install!)!.groups!["path"]!;
  // What is in there is not under version control.
  expect(archive).toMatch(/^cdk-examples\/dist\//u);
  rmSync(join(root, archive), { force: true });
  const { status, stderr } = spawnSync("bash", ["-euc", pack!], { cwd: root, encoding: "utf8" });
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(existsSync(join(root, archive))).toBe(true);
  expect(existsSync(join(root, basename(archive)))).toBe(false);
});

/** The commands of the section, but for those that build what is here already. */
const walk = blocks(readme.split("## In a project of your own")[0]!, "shell").slice(1).join("");

test("the walk of the README leads from nothing to a VM, and to nothing again", async () => {
  // A copy, so that nobody's own state is touched; what is built and installed is that of this checkout.
  const copy = mkdtempSync(join(tmpdir(), "lodge-cdk-"));
  try {
    for (const name of [
      "dist",
      "node_modules",
      "schemas",
      "provider",
      "agent",
      "scripts",
      "package.json",
    ])
      symlinkSync(join(root, name), join(copy, name));
    cpSync(examples, join(copy, "cdk-examples"), {
      recursive: true,
      verbatimSymlinks: true,
      // Another test may be running its programs there, and removing them.
      filter: (path) => !basename(path).startsWith(".app-"),
    });
    const home = join(copy, "home");
    mkdirSync(home);
    const env = {
      HOME: home,
      XDG_STATE_HOME: join(home, "state"),
      XDG_CACHE_HOME: dirname(dirname(dirname(dirname((await smallGuest()).kernel)))),
      // Without the Node of this checkout, which npm finds by itself.
      PATH: [dirname(terraformBinary()), ...(process.env["PATH"] ?? "").split(":")]
        .filter((directory) => !directory.includes("node_modules"))
        .join(":"),
      LODGE_AGENT_DIR: "",
      TF_CLI_ARGS_apply: "-auto-approve -no-color",
      TF_CLI_ARGS_destroy: "-auto-approve -no-color",
    };
    const run = (script: string) => {
      const options = { cwd: copy, encoding: "utf8", env: { ...process.env, ...env } } as const;
      const { status, stdout, stderr } = spawnSync("bash", ["-euc", script], options);
      return { status, output: `${stdout}${stderr}`, stdout };
    };
    try {
      expect(walk).toContain("apply");
      const result = run(walk);
      expect(result.output).toContain("Destroy complete!");
      expect(result.status).toBe(0);
      expect(result.stdout).toMatch(/address = "10\.20\.0\.10"/u);
      expect(result.stdout).toMatch(/hello.*running/u);
      expect(result.output).not.toContain("DEP0044");
    } finally {
      const down = await command(join(dist, "lodge"), ["agent", "--dev", "--down", "--purge"], env);
      expect(down.exitCode).toBe(0);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});
