import { X509Certificate } from "node:crypto";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ensureCredentials } from "./credentials.ts";

const names = ["ca.pem", "ca.key", "server.pem", "server.key", "client.pem", "client.key"];
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lodge-credentials-"));
});
afterEach(() => rm(directory, { recursive: true }));

const ensure = (options: { now?: Date; hosts?: string[]; name?: string } = {}) =>
  ensureCredentials({ directory, name: "dev", ...options });
const files = () => Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);

it("makes an authority, a server and a client, with keys for the owner alone", async () => {
  const identity = await ensure();
  const [ca, server, client] = ["ca", "server", "client"].map(
    async (name) => new X509Certificate(await readFile(join(directory, `${name}.pem`))),
  );
  const authority = (await ca!).publicKey;
  expect((await server!).verify(authority)).toBe(true);
  expect((await client!).verify(authority)).toBe(true);
  expect((await server!).checkHost("dev")).toBe("dev");
  expect((await server!).checkIP("127.0.0.1")).toBe("127.0.0.1");
  expect(identity.key).toContain("PRIVATE KEY");
  for (const name of ["ca.key", "server.key", "client.key"]) {
    expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600);
  }
});

it("leaves good ones alone, and tightens the mode of keys", async () => {
  await ensure();
  const before = await files();
  await chmod(join(directory, "client.key"), 0o644);
  await ensure();
  expect(await files()).toEqual(before);
  expect((await stat(join(directory, "client.key"))).mode & 0o777).toBe(0o600);
});

it("renews leaves a month before they end, and the authority with them when it ends", async () => {
  await ensure();
  const [ca, , server] = await files();
  await ensure({ now: inDays(300) });
  expect((await files())[2]).toBe(server);
  await ensure({ now: inDays(340) });
  const renewed = await files();
  expect(renewed[0]).toBe(ca);
  expect(renewed[2]).not.toBe(server);
  await ensure({ now: inDays(3630) });
  expect((await files())[0]).not.toBe(ca);
});

it("makes a damaged one anew", async () => {
  await ensure();
  const before = await files();
  await writeFile(join(directory, "client.key"), "rubbish");
  await ensure();
  const after = await files();
  expect(after.slice(0, 4)).toEqual(before.slice(0, 4));
  expect(after[5]).toContain("PRIVATE KEY");
});

it("issues another server certificate for another name or a further host", async () => {
  await ensure();
  const [, , server] = await files();
  await ensure({ hosts: ["rack1.example.net", "192.0.2.7"] });
  const further = new X509Certificate((await files())[2]!);
  expect(further.checkHost("rack1.example.net")).toBe("rack1.example.net");
  expect(further.checkIP("192.0.2.7")).toBe("192.0.2.7");
  await ensure({ name: "other" });
  expect(new X509Certificate((await files())[2]!).checkHost("other")).toBe("other");
  expect((await files())[2]).not.toBe(server);
});
