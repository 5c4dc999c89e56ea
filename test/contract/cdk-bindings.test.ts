/** The bindings for both libraries: fresh, alike, whole, and usable as the published packages that they become. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageDirectory } from "../../cdk-examples/scripts/bindings.ts";
import { libraries, libraryNames } from "../../cdk-examples/scripts/libraries.ts";
import { keptFiles } from "../../cdk-examples/scripts/main.ts";
import { allMembers, isWritable, place } from "../../cdk-examples/scripts/rules/walk.ts";
import { readProviderSchema } from "../../cdk-examples/scripts/schema.ts";
import { checkStacks, golden, synthesize } from "../../cdk-examples/scripts/stacks.ts";
import { command } from "../../scripts/lib/command.ts";

const root = join(import.meta.dirname, "..", "..");
const examples = join(root, "cdk-examples");
const read = (...path: string[]): string => readFileSync(join(examples, ...path), "utf8");

let kept: ReadonlyMap<string, string>;

beforeAll(async () => {
  kept = await keptFiles();
});

test("names and synthesized stacks are those under version control", () => {
  const fresh = Object.fromEntries([...kept].map(([path, text]) => [relative(root, path), text]));
  const files = Object.fromEntries(
    Object.keys(fresh).map((path) => [path, readFileSync(join(root, path), "utf8")]),
  );
  expect(files, "run npm run cdk, and look at what has changed").toEqual(fresh);
});

describe.each(libraryNames)("%s", (library) => {
  const { package: name, peers } = libraries[library];

  test("the stacks are typed", async () => {
    await expect(checkStacks(library)).resolves.toBeUndefined();
  });

  test("the stacks become what is kept", async () => {
    const stacks = Object.entries(await synthesize(library));
    expect(stacks.map(([stack]) => stack)).toEqual([
      "every-attribute",
      "imported",
      "one-vm",
      "web-tier",
    ]);
    for (const [stack, json] of stacks)
      expect(golden(json)).toBe(read("golden", `${stack}.tf.json`));
  });

  describe("packed and installed", () => {
    let project: string;

    beforeAll(async () => {
      project = mkdtempSync(join(tmpdir(), "lodge-cdk-"));
      const modules = join(project, "node_modules");
      mkdirSync(join(modules, "@types"), { recursive: true });
      const pack = ["pack", "--json", "--ignore-scripts", `--pack-destination=${project}`];
      const { stdout } = await command("npm", pack, {
        cwd: packageDirectory(library),
        output: "read",
        env: { ...process.env, npm_config_cache: join(project, "cache") },
      });
      // Of npm 11 an array, of npm 12 an object by the package's name.
      const [{ filename }] = Object.values(JSON.parse(stdout)) as [{ filename: string }];
      await command("tar", ["-xf", join(project, filename), "-C", project]);
      cpSync(join(project, "package"), join(modules, name), { recursive: true });
      for (const peer of [...Object.keys(peers), "@types/node"])
        symlinkSync(join(root, "node_modules", peer), join(modules, peer));
    });

    afterAll(() => rmSync(project, { recursive: true, force: true }));

    const use = (statement: (from: string) => string) => `
      ${statement(`${name}/lib/disk`)}
      console.log(JSON.stringify([typeof Disk, Disk.tfResourceType]));`;

    async function run(file: string, text: string): Promise<unknown> {
      writeFileSync(join(project, file), text);
      const { stdout } = await command(process.execPath, [join(project, file)], { output: "read" });
      return JSON.parse(stdout);
    }

    test("it has code, types and the schema, and no sources", () => {
      const at = (...path: string[]) => join(project, "package", ...path);
      expect(JSON.parse(readFileSync(at("package.json"), "utf8"))).toMatchObject({
        name,
        version: JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version,
        peerDependencies: peers,
        license: "MPL-2.0",
      });
      expect(JSON.parse(readFileSync(at("schema.json"), "utf8"))).toEqual({
        format_version: "1.0",
        provider_schemas: { "registry.terraform.io/lodge/lodge": readProviderSchema() },
      });
      for (const path of ["README.md", "LICENSE", "lib/index.d.ts", "lib/vm/index.js"])
        expect(readFileSync(at(path), "utf8")).not.toBe("");
      expect(() => readFileSync(at("src", "index.ts"))).toThrow("ENOENT");
    });

    test("an ES module imports it", async () => {
      const text = use((from) => `import { Disk } from "${from}";`);
      expect(await run("esm.mjs", text)).toEqual(["function", "lodge_disk"]);
      const whole = `import { disk } from "${name}"; console.log(JSON.stringify(typeof disk.Disk));`;
      expect(await run("whole.mjs", whole)).toBe("function");
    });

    test("a CommonJS module requires it", async () => {
      const text = use((from) => `const { Disk } = require("${from}");`);
      expect(await run("cjs.cjs", text)).toEqual(["function", "lodge_disk"]);
      const whole = `const { disk } = require("${name}"); console.log(JSON.stringify(typeof disk.Disk));`;
      expect(await run("whole.cjs", whole)).toBe("function");
    });

    test.each(["nodenext", "preserve"])("types are found with module %s", async (module) => {
      const text = `
        import { TerraformStack, App } from "${library}";
        import { Disk } from "${name}/lib/disk";
        import { vm } from "${name}";
        const stack = new TerraformStack(new App(), "x");
        const disk = new Disk(stack, "disk", { name: "x", size: "1GiB" });
        const config: vm.VmConfig = { name: "y", memory: "1GiB", disks: { d: { diskId: disk.id } } };
        new vm.Vm(stack, "vm", config);
        // @ts-expect-error a disk needs a name
        new Disk(stack, "nameless", { size: "1GiB" });`;
      writeFileSync(join(project, "types.ts"), text);
      const compilerOptions = {
        module,
        strict: true,
        noEmit: true,
        types: ["node"],
        skipLibCheck: true,
      };
      writeFileSync(
        join(project, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: ["types.ts"] }),
      );
      await expect(
        command(join(root, "node_modules", ".bin", "tsc"), ["--project", project]),
      ).resolves.toMatchObject({ exitCode: 0 });
    });
  });
});

test("both packages export the same names, but for what CDKTF does not know", () => {
  const [cdktf, cdktn] = libraryNames.map((library) =>
    read("names", `${library}.txt`).trim().split("\n"),
  ) as [string[], string[]];
  expect(cdktf.length).toBeGreaterThan(100);
  expect(cdktf.filter((name) => !cdktn.includes(name))).toEqual([]);
  const further = cdktn.filter((name) => !cdktf.includes(name));
  expect(further.filter((name) => !/^(?:provider-functions|ephemeral-.*): /u.test(name))).toEqual(
    [],
  );
});

test("no class had to evade another of its name", () => {
  const names = read("names", "cdktn.txt").trim().split("\n");
  // An A at the end, or Struct, is what the generators append.
  expect(names.filter((name) => /[a-z]A$|Struct$/u.test(name))).toEqual([]);
});

test("what is deprecated, sensitive or write-only is said in the bindings", async () => {
  const { annotate } = await import("../../cdk-examples/scripts/annotate.ts");
  const text = { type: "string", description: "A key.", description_kind: "plain" } as const;
  const schema = readProviderSchema();
  const attributes = {
    old: { ...text, deprecated: true, deprecation_message: "Use new." },
    key: { ...text, sensitive: true },
    nested: {
      nested_type: {
        nesting_mode: "single",
        attributes: { key_wo: { ...text, write_only: true } },
      },
      description_kind: "plain",
    },
  } as const;
  const provider = { version: 0, block: { attributes, description_kind: "plain" } };
  const said = annotate({ ...schema, provider }).provider.block.attributes!;
  expect(said["old"]!.description).toBe("A key.\n\n@deprecated Use new.");
  expect(said["key"]!.description).toBe("A key. Sensitive.");
  expect(said["nested"]!.nested_type!.attributes["key_wo"]!.description).toMatch(/Write-only/u);
});

test("the stack that sets every attribute sets every attribute", () => {
  const stack = JSON.parse(read("golden", "every-attribute.tf.json"));
  const schema = readProviderSchema();
  const instances = (owner: string, kind: string): unknown[] => {
    if (kind === "provider") return stack.provider.lodge;
    return Object.values((kind === "resource" ? stack.resource : stack.data)[owner] ?? {});
  };
  /** The values at a path; the keys of maps and the places of lists are passed over. */
  const values = (from: unknown, path: readonly string[], modes: readonly string[]): unknown[] => {
    if (path.length === 0) return [from];
    const [name, ...rest] = path as [string, ...string[]];
    const [mode, ...below] = modes;
    const value = (from as Record<string, object | undefined>)[name];
    if (value === undefined) return [];
    const inner = mode === "map" || mode === "list" ? Object.values(value) : [value];
    return inner.flatMap((item) => values(item, rest, below));
  };
  const missing = allMembers(schema).flatMap((members) => {
    const { owner, path } = members;
    const modes = path.map((_, index) => {
      const above = allMembers(schema).find(
        (other) =>
          other.owner.name === owner.name &&
          other.owner.kind === owner.kind &&
          other.path.join(".") === path.slice(0, index).join("."),
      )!;
      return above.attributes[path[index]!]!.nested_type!.nesting_mode;
    });
    const objects = instances(owner.name, owner.kind).flatMap((item) => values(item, path, modes));
    return Object.entries(members.attributes)
      .filter(([, attribute]) => isWritable(attribute))
      .filter(([name]) => !objects.some((object) => name in (object as object)))
      .map(([name]) => `${owner.kind} ${place(members, name)}`);
  });
  expect(missing).toEqual([]);
});
