import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { findTerraform } from "./terraform.ts";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lodge-terraform-"));
});
afterEach(() => rm(directory, { recursive: true }));

/** A program that answers `version` with a line. */
async function program(name: string, line: string): Promise<string> {
  const path = join(directory, "bin", name);
  await mkdir(join(directory, "bin"), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho '${line}'\necho 'on linux_amd64'\n`);
  await chmod(path, 0o755);
  return path;
}

const find = (env: NodeJS.ProcessEnv = {}, fetch = () => Promise.reject(new Error("offline"))) =>
  findTerraform({ env: { PATH: join(directory, "bin"), ...env }, fetch });

it("takes Terraform before OpenTofu", async () => {
  await program("tofu", "OpenTofu v1.10.6");
  const path = await program("terraform", "Terraform v1.11.4");
  expect(await find()).toEqual({ path, name: "terraform", version: "1.11.4" });
});

it("passes over one that is too old, or is something else", async () => {
  await program("terraform", "Terraform v1.4.6");
  const path = await program("tofu", "OpenTofu v1.10.6");
  expect(await find()).toEqual({ path, name: "tofu", version: "1.10.6" });
  await program("terraform", "a game of planets 3.0.0");
  expect((await find()).name).toBe("tofu");
});

it("takes the one that is named, whatever PATH has", async () => {
  await program("terraform", "Terraform v1.11.4");
  const path = await program("other", "Terraform v1.6.0");
  expect(await find({ LODGE_TERRAFORM: path })).toMatchObject({ path, version: "1.6.0" });
  await expect(find({ LODGE_TERRAFORM: "/nonexistent" })).rejects.toThrow(
    "LODGE_TERRAFORM is /nonexistent, which is no Terraform or OpenTofu.",
  );
});

it("fetches one where there is none, and fails with what fetching says", async () => {
  await program("terraform", "nothing of use");
  await program("tofu", "nothing of use");
  const path = await program("fetched", "OpenTofu v1.10.6");
  expect(await find({}, () => Promise.resolve(path) as never)).toMatchObject({
    path,
    name: "tofu",
  });
  await expect(find()).rejects.toThrow("offline");
});
