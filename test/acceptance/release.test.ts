/** What is published, on a machine that has neither Node nor these sources. */
import { once } from "node:events";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCertificate } from "@lodge/provider/sdk/plugin/certificate.ts";
import { version } from "@lodge/schemas/version.ts";
import { root } from "../../scripts/build/bundle.ts";
import { architectures, type Architecture } from "../../scripts/release/node.ts";
import { unzipEntry } from "../../scripts/quickstart/zip.ts";
import { command } from "../harness/agent.ts";
import { withoutNode } from "../harness/nodeless.ts";
import { terraformBinary } from "../harness/terraform.ts";

const all = process.env["LODGE_TEST_ALL"] === "1";
const own = architectures[process.arch as Architecture];
const wanted = all ? Object.values(architectures) : [own];
const providerZip = (architecture: string) =>
  `terraform-provider-lodge_${version}_linux_${architecture}.zip`;
const lodgeZip = (architecture: string) => `lodge_${version}_linux_${architecture}.zip`;

/** Short, since the paths of sockets are limited. */
let directory: string;
let release: string;
let work: string;
let lodge: string;
let env: Record<string, string>;
/** The architectures that were built, and why another one was not. */
let built: readonly string[];
let leftOut: string;

beforeAll(async () => {
  directory = await mkdtemp("/tmp/lodge-");
  [release, work, lodge] = ["r", "w", "lodge"].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  env = {
    HOME: directory,
    XDG_STATE_HOME: join(directory, "s"),
    LODGE_AGENT_DIR: "",
    TF_CLI_CONFIG_FILE: join(directory, "mirror.tfrc"),
    CHECKPOINT_DISABLE: "1",
    TF_IN_AUTOMATION: "1",
    TF_INPUT: "0",
  };
  const { exitCode, stdout, stderr } = await command(process.execPath, [
    join(root, "scripts", "release.ts"),
    `--directory=${release}`,
    ...wanted.map((name) => `--architecture=${name}`),
  ]);
  leftOut = all
    ? (/^linux_.* is left out: .*/mu.exec(stderr)?.[0] ?? "")
    : "npm run test:all builds it";
  if (exitCode !== 0 && leftOut === "") throw new Error(`${stdout}${stderr}`);
  built = wanted.filter((name) => !leftOut.includes(`linux_${name}`));
  const archive = await readFile(join(release, lodgeZip(own)));
  await writeFile(lodge, unzipEntry(archive, "lodge"), { mode: 0o755 });
});
afterAll(async () => {
  await withoutNode([lodge, "agent", "--dev", "--down", "--purge"], env);
  await rm(directory, { recursive: true, force: true });
});

const terraform = (args: readonly string[], accept?: readonly number[]) =>
  withoutNode([terraformBinary(), `-chdir=${work}`, ...args, "-no-color"], env, accept);

/** An empty working directory, and where `init` finds providers. */
async function prepare(body: string, installation: string): Promise<void> {
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  await writeFile(join(work, "main.tf"), body);
  await writeFile(
    join(directory, "mirror.tfrc"),
    `provider_installation {\n  ${installation}\n}\n`,
  );
}

const required = (source: string) =>
  `terraform {\n  required_providers {\n    lodge = { source = "${source}", version = "${version}" }\n  }\n}\n`;

async function hashesOf(registry: string): Promise<readonly string[]> {
  const path = join(release, "mirror", registry, "lodge", "lodge", `${version}.json`);
  return JSON.parse(await readFile(path, "utf8")).archives[`linux_${own}`].hashes;
}

test("it is archives below 45 MB, their checksums and a manifest", async () => {
  expect((await readdir(release)).toSorted()).toEqual(
    [
      ...built.flatMap((name) => [providerZip(name), lodgeZip(name)]),
      `lodge_${version}_SHA256SUMS`,
      `terraform-provider-lodge_${version}_SHA256SUMS`,
      `terraform-provider-lodge_${version}_manifest.json`,
      "mirror",
    ].toSorted(),
  );
  for (const name of built) {
    expect((await stat(join(release, providerZip(name)))).size).toBeLessThan(45e6);
    expect((await stat(join(release, lodgeZip(name)))).size).toBeLessThan(45e6);
  }
  const manifest = `terraform-provider-lodge_${version}_manifest.json`;
  expect(JSON.parse(await readFile(join(release, manifest), "utf8"))).toEqual({
    version: 1,
    metadata: { protocol_versions: ["6.0"] },
  });
  for (const [sums, files] of [
    ["terraform-provider-lodge", [...built.map(providerZip), manifest]],
    ["lodge", built.map(lodgeZip)],
  ] as const) {
    const lines = (await readFile(join(release, `${sums}_${version}_SHA256SUMS`), "utf8")).trim();
    const expected = await Promise.all(
      files.map(async (name) => {
        const bytes = await readFile(join(release, name));
        return `${createHash("sha256").update(bytes).digest("hex")}  ${name}`;
      }),
    );
    expect(lines.split("\n").toSorted()).toEqual(expected.toSorted());
  }
});

test("executables for another architecture are of that architecture", async ({ skip }) => {
  if (leftOut !== "") skip(leftOut);
  const machines = { amd64: 62, arm64: 183 } as const;
  for (const name of Object.values(architectures)) {
    const archives = [
      [providerZip(name), `terraform-provider-lodge_v${version}`],
      [lodgeZip(name), "lodge"],
    ] as const;
    for (const [archive, entry] of archives) {
      const image = unzipEntry(await readFile(join(release, archive)), entry);
      expect(image.readUInt16LE(18)).toBe(machines[name]);
    }
  }
});

test("licences of what is inside go with it", async () => {
  const archive = await readFile(join(release, providerZip(own)));
  expect(String(unzipEntry(archive, "LICENSE"))).toContain("Mozilla Public License");
  const notices = String(unzipEntry(archive, "THIRD-PARTY-NOTICES"));
  for (const name of ["Node.js", "@grpc/grpc-js 1.", "zod 4.", "pino 10.", "OpenSSL", "Unicode"])
    expect(notices).toContain(name);
});

describe("without Node", () => {
  test("there is none", async () => {
    const { stdout } = await withoutNode(
      [
        "sh",
        "-c",
        `ls ${root}; for file in node nodejs ${process.execPath}; do $file -e 0; echo $?; done`,
      ],
      env,
    );
    expect(stdout).toMatch(/^(?:12[67]\n){3}$/u);
  });

  test("lodge starts an agent, and Terraform installs, plans and applies", async () => {
    await withoutNode([lodge, "agent", "--dev", "--detach"], env);
    const vms = async () =>
      JSON.parse((await withoutNode([lodge, "vm", "list", "-o", "json"], env)).stdout);
    await prepare(
      `${required("lodge/lodge")}
resource "lodge_network" "lan" {
  name    = "lan"
  mode    = "nat"
  subnets = { main = { cidr = "10.20.0.0/24" } }
}
resource "lodge_vm" "web" {
  name        = "web"
  memory      = "128MiB"
  power_state = "stopped"
  nics        = { eth0 = { network_id = lodge_network.lan.id } }
}
`,
      `filesystem_mirror { path = "${release}/mirror" }`,
    );
    await terraform(["init"]);
    const lock = await readFile(join(work, ".terraform.lock.hcl"), "utf8");
    // Terraform has unpacked the archive and come to the same hash.
    expect(lock).toContain((await hashesOf("registry.terraform.io"))[0]);
    const plan = await terraform(["plan", "-detailed-exitcode"], [2]);
    expect(plan.stdout).toContain("2 to add, 0 to change, 0 to destroy");
    await terraform(["apply", "-auto-approve"]);
    expect(await vms()).toMatchObject([{ spec: { name: "web" } }]);
    await terraform(["init", "-lockfile=readonly"]);
    await terraform(["plan", "-detailed-exitcode"], [0]);
    await terraform(["destroy", "-auto-approve"]);
    expect(await vms()).toEqual([]);
  });

  test("who asks OpenTofu's registry is served as well", async () => {
    await prepare(
      required("registry.opentofu.org/lodge/lodge"),
      `filesystem_mirror { path = "${release}/mirror" }`,
    );
    await terraform(["init"]);
    const { stdout } = await terraform(["providers", "schema", "-json"]);
    const schemas = JSON.parse(stdout).provider_schemas;
    expect(schemas["registry.opentofu.org/lodge/lodge"].resource_schemas).toHaveProperty(
      "lodge_vm",
    );
  });

  test("the same mirror behind a web server is a network mirror", async () => {
    const { pem, key } = createCertificate();
    const asked: string[] = [];
    await using server = createServer({ cert: pem, key }, (request, response) => {
      asked.push(request.url!);
      const type = request.url!.endsWith(".json") ? "application/json" : "application/zip";
      response.setHeader("content-type", type);
      createReadStream(join(release, request.url!)).pipe(response);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await prepare(
      required("lodge/lodge"),
      `network_mirror { url = "https://localhost:${port}/mirror/" }`,
    );
    const authority = join(directory, "authority.pem");
    await writeFile(authority, pem);
    await withoutNode([terraformBinary(), `-chdir=${work}`, "init", "-no-color"], {
      ...env,
      SSL_CERT_FILE: authority,
    });
    expect([...new Set(asked.map((url) => url.split("/").at(-1)))]).toEqual([
      "index.json",
      `${version}.json`,
      providerZip(own),
    ]);
    const lock = await readFile(join(work, ".terraform.lock.hcl"), "utf8");
    expect(lock).toContain((await hashesOf("registry.terraform.io"))[0]);
  });
});
