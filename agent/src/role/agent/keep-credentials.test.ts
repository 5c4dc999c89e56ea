import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Identity } from "@lodge/schemas/rpc/tls.ts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { FakeClock } from "../../lib/clock.fake.ts";
import { silentLog } from "../../lib/log.ts";
import { ensureCredentials } from "./credentials.ts";
import { keepCredentials } from "./keep-credentials.ts";

const day = 86_400_000;
const name = "dev";
let directory: string;
let clock: FakeClock;
let identity: Identity;
let renewed: Identity[];
let errors: string[];

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  directory = await mkdtemp(join(tmpdir(), "lodge-keep-"));
  clock = new FakeClock(Date.now());
  const hosts = ["rack1.example.net", "192.0.2.7", "2001:db8::7"];
  identity = await ensureCredentials({ directory, name, hosts });
  renewed = [];
  errors = [];
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(directory, { recursive: true, force: true });
});

const keep = () =>
  keepCredentials({
    directory,
    name,
    identity,
    onRenewed: (found) => renewed.push(found),
    clock,
    log: { ...silentLog, error: (_, message) => void errors.push(message) },
  });

/** Lets days pass, with a look at the certificates on each. */
async function pass(days: number): Promise<void> {
  for (; days > 0; days--) {
    clock.advance(day);
    vi.setSystemTime(clock.now());
    while (clock.next === undefined) await setImmediate();
  }
}

it("renews in the last month, once, for the same hosts", async () => {
  clock.advance(330 * day);
  using _keeper = keep();
  await pass(4);
  expect(renewed).toEqual([]);
  await pass(4);
  expect(renewed).toHaveLength(1);
  const certificate = new X509Certificate(renewed[0]!.certificate);
  expect(renewed[0]!.ca).toBe(identity.ca);
  expect(certificate.checkHost("dev")).toBe("dev");
  expect(certificate.checkHost("rack1.example.net")).toBe("rack1.example.net");
  for (const address of ["127.0.0.1", "192.0.2.7", "2001:db8::7"]) {
    expect(certificate.checkIP(address)).toBe(address);
  }
});

it("takes over what was put in its place", async () => {
  using _keeper = keep();
  const other = await ensureCredentials({ directory, name, hosts: ["rack2.example.net"] });
  await pass(1);
  expect(renewed).toEqual([other]);
});

it("says when it cannot, and tries again", async () => {
  using _keeper = keep();
  await rm(directory, { recursive: true });
  await pass(1);
  await pass(1);
  expect(errors).toEqual(Array(2).fill("the certificates cannot be renewed"));
});

it("ends when it is disposed of", () => {
  keep()[Symbol.dispose]();
  expect(clock.next).toBeUndefined();
});
