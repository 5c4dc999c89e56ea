/** The code of the docs: all of it is valid, and what makes something is applied. */
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { z } from "zod";
import { provider } from "../../provider/src/provider.ts";
import { nothing, TestAgent } from "../harness/agent.ts";
import { follow, type Typed } from "../harness/guide.ts";
import { blocksOf, textOf, versionsOf, type HclBlock } from "../harness/hcl.ts";
import { LodgeTerraform, smallGuest } from "../harness/lodge.ts";
import { codeBlocksOf, type CodeBlock } from "../harness/markdown.ts";

const docs = join(import.meta.dirname, "..", "..", "docs");
const below = (directory: string, ending: string): string[] =>
  readdirSync(join(docs, directory), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(directory, name));
const read = (name: string): string => readFileSync(join(docs, name), "utf8");
const allCodeOf = (name: string): CodeBlock[] =>
  codeBlocksOf(read(name)).filter(({ language }) => language === "terraform" || language === "hcl");
const codeOf = (name: string): string[] =>
  allCodeOf(name)
    .filter(({ file }) => file === undefined)
    .map(({ text }) => text);

const examples = below("examples", "main.tf");
const pages = below("", ".md").filter((name) => !name.startsWith("templates/"));

/** What the installed Terraform does not know yet, or is no configuration but Terraform's own settings. */
const isForeign = ({ header, text }: HclBlock): boolean =>
  /^(?:action|list|provider_installation)\b/u.test(header) ||
  (header === "import" && /^ {2}identity +=/mu.test(text));

/** Actions that a resource triggers, which are not known either; the rest of the resource is. */
const withoutTriggers = (block: HclBlock): HclBlock => ({
  ...block,
  text: block.text.replace(/^ {4}action_trigger \{\n[\s\S]*?^ {4}\}\n/gmu, ""),
});

/** Every configuration that the docs show, by a name: examples, and what the pages' code comes to. */
function configurations(): ReadonlyMap<string, HclBlock[]> {
  const ofExamples = examples.map((name) => [name, blocksOf(read(name))] as const);
  const ofPages = pages.flatMap((name) =>
    versionsOf(codeOf(name)).map((blocks, index) => [`${name} ${index}`, blocks] as const),
  );
  const all = [...ofExamples, ...ofPages].map(
    ([name, blocks]) =>
      [name, blocks.filter((block) => !isForeign(block)).map(withoutTriggers)] as const,
  );
  return new Map(all.filter(([, blocks]) => blocks.length > 0));
}

let agent: TestAgent;
let variables: Record<string, string>;

beforeAll(async () => {
  const { kernel, initrd } = await smallGuest();
  variables = { TF_VAR_kernel: kernel, TF_VAR_initrd: initrd };
  agent = await TestAgent.start();
});

afterAll(() => agent?.[Symbol.asyncDispose]());

const required = `terraform {\n  required_providers {\n    lodge = { source = "lodge/lodge" }\n  }\n}\n`;

/** Files that a page shows whole, for each of the modules that the configurations become. */
function filesOf(names: readonly string[]): Record<string, string> {
  const found = names.flatMap((name, index) => {
    const page = name.replace(/ \d+$/u, "");
    const code = page.endsWith(".md") ? allCodeOf(page) : [];
    return code.flatMap(({ file, text }) => (file ? [[`m${index}/${file}`, text] as const] : []));
  });
  return Object.fromEntries(found);
}

/**
 * Modules of one configuration, one for each of those that are given; their variables get a value that is not known,
 * and what they import stands outside, where alone it may.
 */
function modules(given: ReadonlyMap<string, HclBlock[]>): Record<string, string> {
  const files: Record<string, string> = {};
  const root = [required, 'variable "anything" {\n  type = string\n}\n'];
  for (const [index, blocks] of [...given.values()].entries()) {
    const [name, inside] = [`m${index}`, blocks.filter(({ header }) => header !== "import")];
    const own = inside.some(({ header }) => header === "terraform");
    files[`${name}/main.tf`] = `${own ? "" : required}\n${textOf(inside)}`;
    const inputs = inside.flatMap(({ header }) => /^variable "(\w+)"/u.exec(header)?.[1] ?? []);
    const values = inputs.map((input) => `  ${input} = var.anything\n`).join("");
    root.push(`module "${name}" {\n  source = "./${name}"\n${values}}\n`);
    for (const { header, text } of blocks) {
      if (header === "import") root.push(text.replace(/^( +to += )/mu, `$1module.${name}.`));
    }
  }
  return { ...files, "main.tf": root.join("\n") };
}

async function diagnostics(terraform: LodgeTerraform): Promise<string[]> {
  const { stdout } = await terraform.run(["validate", "-json"], { accept: "any" });
  const { diagnostics: all } = JSON.parse(stdout) as {
    diagnostics: { severity: string; summary: string; detail: string; range?: object }[];
  };
  return all
    .filter(({ severity }) => severity === "error")
    .map((diagnostic) => JSON.stringify(diagnostic, undefined, 1));
}

describe("valid", () => {
  const all = [...configurations()];
  const isWhole = (blocks: HclBlock[]): boolean =>
    blocks.some(({ header, text }) => header === "import" && text.includes("for_each"));

  test("every example and all code of the pages", async () => {
    const shown = new Map(all.filter(([, blocks]) => !isWhole(blocks)));
    await using terraform = new LodgeTerraform([agent], "");
    const names = [...shown.keys()];
    terraform.write({ ...modules(shown), ...filesOf(names) });
    await terraform.run(["get"]);
    const found = (await diagnostics(terraform)).map((text) =>
      text.replace(/"m(\d+)\//u, (_, index: string) => `"${names[Number(index)]}: `),
    );
    expect(found).toEqual([]);
  });

  test.each(all.filter(([, blocks]) => isWhole(blocks)))("%s", async (_, blocks) => {
    await using terraform = new LodgeTerraform([agent], "");
    terraform.write({ "main.tf": `${required}\n${textOf(blocks)}` });
    expect(await diagnostics(terraform)).toEqual([]);
  });

  test("a mistake is found", async () => {
    const text = blocksOf(`resource "lodge_disk" "data" {\n  name = "data"\n  sise = "1GiB"\n}\n`);
    await using terraform = new LodgeTerraform([agent], "");
    terraform.write(modules(new Map([["mistake", text]])));
    await terraform.run(["get"]);
    expect((await diagnostics(terraform)).join("\n")).toContain("sise");
  });

  test("formatted as Terraform formats it", async () => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-docs-"));
    try {
      const code = pages.flatMap((name) =>
        allCodeOf(name).map(({ text }) => [name, text] as const),
      );
      for (const [index, [name, text]] of code.entries())
        writeFileSync(join(directory, `${basename(name, ".md")}-${index}.tf`), text);
      await using terraform = new LodgeTerraform([agent], "");
      const { stdout } = await terraform.run(
        ["fmt", "-check", "-diff", "-recursive", directory, docs],
        {
          accept: "any",
        },
      );
      expect(stdout).toBe("");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("what is imported by identity is named by what the identity has", () => {
    const found = pages
      .flatMap(codeOf)
      .flatMap(blocksOf)
      .filter((block) => block.header === "import" && isForeign(block));
    expect(found.length).toBeGreaterThan(provider.resources.length);
    for (const { text } of found) {
      const [, type] = /to +=\s*(\w+)\./u.exec(text)!;
      const [, members] = /identity += \{([\s\S]*?)\}/u.exec(text)!;
      const keys = [...members!.matchAll(/(\w+) +=/gu)].map(([, key]) => key!);
      const { identity } = provider.resources.find((resource) => resource.type === type)!;
      expect(keys).toEqual(Object.keys(identity!.schema.shape));
    }
  });
});

/** What an `action` or `list` block may say is in the provider's own schemas. */
test("what newer versions of Terraform understand is understood by the provider", () => {
  const known = new Map<string, z.ZodObject>([
    ...(provider.actions ?? []).map(({ type, schema }) => [`action "${type}"`, schema] as const),
    ...(provider.listResources ?? []).map(
      ({ type, schema }) => [`list "${type}"`, schema] as const,
    ),
  ]);
  const newer = below("examples", "main.tfquery.hcl").map(read);
  const blocks = [...examples.map(read), ...pages.flatMap(codeOf), ...newer]
    .flatMap(blocksOf)
    .filter(({ header }) => /^(?:action|list)\b/u.test(header));
  const wrong = blocks.flatMap(({ header, text }) => {
    const schema = known.get(header.replace(/ "[^"]+"$/u, ""));
    if (!schema) return [`${header} is not there`];
    const [, config = ""] = /^ {2}config \{\n([\s\S]*?)^ {2}\}/mu.exec(text) ?? [];
    const names = [...config.matchAll(/^ {4}(\w+)/gmu)].map(([, name]) => name!);
    return names.filter((name) => !(name in schema.shape)).map((name) => `${header}: ${name}`);
  });
  expect(wrong).toEqual([]);
  const shown = new Set(blocks.map(({ header }) => header.replace(/ "[^"]+"$/u, "")));
  expect([...known.keys()].filter((name) => !shown.has(name))).toEqual([]);
});

/** After every update of a VM, a rename included: few who copy an example would want that. */
test("no action is triggered by a resource that changes for other reasons too", () => {
  const triggers = [...examples.map(read), ...pages.flatMap(codeOf)]
    .flatMap(blocksOf)
    .filter((block) => withoutTriggers(block).text !== block.text);
  expect(triggers).not.toEqual([]);
  const wrong = triggers.filter(({ header }) => !header.startsWith('resource "terraform_data"'));
  expect(wrong).toEqual([]);
});

describe("applied", () => {
  const own = examples.filter((name) => dirname(dirname(name)) === "examples/resources");
  const [vm, others] = [true, false].map((isVm) =>
    own.filter((name) => name.includes("/vm/") === isVm),
  ) as [string[], string[]];

  test.each([
    ["a VM with all that it needs", vm],
    ["the other resources", others],
  ])("%s", async (_, names) => {
    // What several examples make is made once. What protects itself could not be removed again.
    const body = textOf(versionsOf(names.map(read)).at(-1)!).replace(
      /deletion_protection\s*=\s*true/u,
      "deletion_protection = false",
    );
    await using terraform = new LodgeTerraform([agent], body, { env: variables });
    await terraform.apply();
    expect(await terraform.remaining()).toEqual([]);
    if (names === vm) {
      const data = read("examples/data-sources/vm/main.tf");
      await using looking = new LodgeTerraform([agent], data);
      await looking.apply();
      expect(await looking.outputs()).toEqual(await terraform.outputs());
    }
    await terraform.destroy();
    expect(await agent.census()).toEqual(nothing);
  });

  test("the data source of a host", async () => {
    const body = read("examples/data-sources/host/main.tf");
    await using terraform = new LodgeTerraform([agent], body);
    await terraform.apply();
    expect((await terraform.outputs())["accelerator"]).toMatch(/^(?:kvm|tcg): ./u);
  });

  test("functions return what stands beside them", async () => {
    const names = examples.filter((name) => name.startsWith("examples/functions/"));
    const calls = names.map(
      (name) =>
        `module "${basename(dirname(name))}" {\n  source = "./${basename(dirname(name))}"\n}\n`,
    );
    const outputs = names.map((name) => {
      const label = basename(dirname(name));
      return `output "${label}" {\n  value = module.${label}\n}\n`;
    });
    await using terraform = new LodgeTerraform([agent], [...calls, ...outputs].join("\n"));
    for (const name of names)
      terraform.write({ [`${basename(dirname(name))}/main.tf`]: `${required}\n${read(name)}` });
    await terraform.run(["get"]);
    await terraform.apply();
    const expected = names.map((name) => {
      const [, output] = /^output "(\w+)"/mu.exec(read(name))!;
      const [, value] = /(?:\)|\]) # (.+)$/mu.exec(read(name).replace(/\.range #/u, ") #"))!;
      return [basename(dirname(name)), { [output!]: JSON.parse(value!.replaceAll(" = ", ": ")) }];
    });
    expect(await terraform.outputs()).toEqual(Object.fromEntries(expected));
    expect(names.length).toBe(provider.functions!.length);
  });
});

describe("guides, followed", () => {
  const isBody = (block: HclBlock): boolean =>
    !isForeign(block) && !/^(?:terraform|provider)\b/u.test(block.header);

  test("the first VM", async () => {
    await using terraform = new LodgeTerraform([agent], "");
    const typed = follow(read("guides/first-vm.md"), {
      terraform,
      agent,
      // Its image is not ours to download.
      without: (block) => !isBody(block) || block.header.includes("debian"),
    });
    const until = async (line: string): Promise<Typed> => {
      for (;;) {
        const { value, done } = await typed.next();
        if (done) throw new Error(`The guide does not say \`${line}\` any more.`);
        if (value.line === line) return value;
      }
    };
    await until("terraform apply");
    expect(await terraform.outputs()).toEqual({ address: "10.20.0.10" });
    expect((await until("lodge vm list")).stdout).toContain("hello");
    const { stdout: change, env } = await until("terraform apply");
    expect(change).toContain("The VM will be restarted");
    expect(change).toMatch(/These changes need it: memory, disks\.data\./u);
    expect((await terraform.state())["lodge_vm.hello"]).toMatchObject({
      ipv4_address: "10.20.0.10",
      restart_required: [],
      memory_bytes: 256 * 2 ** 20,
    });
    await terraform.run(["plan", "-detailed-exitcode"], { env });
    await until("lodge vm stop hello --wait");
    expect((await until("terraform plan")).stdout).toContain("lodge_vm.hello will be updated");
    await until("terraform destroy");
    expect(await agent.census()).toEqual(nothing);
    expect((await typed.next()).done).toBe(true);
  });

  test("importing", async () => {
    const others = `
resource "lodge_network" "lan" {
  name    = "lan"
  subnets = { main = { cidr = "10.20.0.0/24" } }
}
resource "lodge_disk" "data" {
  count = 2
  name  = "data-\${count.index}"
  size  = "32MiB"
}
`;
    await using owner = new LodgeTerraform([agent], others);
    await owner.apply();
    const body = textOf(versionsOf(codeOf("guides/importing.md")).at(-1)!.filter(isBody));
    await using terraform = new LodgeTerraform([agent], body);
    const { stdout } = await terraform.apply();
    expect(stdout).toContain("3 imported, 0 added, 0 changed, 0 destroyed");
    expect(await terraform.remaining()).toEqual([]);
    await owner.destroy();
    expect(await agent.census()).toEqual(nothing);
  });
});
