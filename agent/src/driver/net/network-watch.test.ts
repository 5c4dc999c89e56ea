import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Acknowledgement } from "../../core/port/networks.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { identify } from "../../lib/process.ts";
import { NetworkWatch, readAcknowledgements } from "./network-watch.ts";

const networkId = "00000000-0000-4000-8000-000000000001";
const mac = "52:54:0a:14:00:0a";
const line = (expiry: number, address = "10.20.0.10") => `${expiry} ${mac} ${address} web 01\n`;

let layout: Layout;
let heard: Acknowledgement[];
let broken: number;
let watch: NetworkWatch | undefined;
beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-watch-"));
  layout = { stateDir: directory, runDir: directory };
  mkdirSync(paths.network(layout, networkId), { recursive: true });
  [heard, broken] = [[], 0];
});
afterEach(() => {
  watch?.close();
  rmSync(layout.runDir, { recursive: true, force: true });
});

function begin(): NetworkWatch {
  watch = new NetworkWatch(layout, networkId, {
    acknowledged: (acknowledgement) => heard.push(acknowledgement),
    broken: () => broken++,
  });
  return watch;
}

const leases = () => paths.leases(layout, networkId);
const at = () => heard.map((acknowledgement) => acknowledgement.at);
const of = (expiry: number) => (expiry - 43_200) * 1000;

describe("acknowledgements", () => {
  it("are told once each, those from before included", async () => {
    writeFileSync(leases(), line(1_700_000_000));
    begin();
    expect(at()).toEqual([of(1_700_000_000)]);
    writeFileSync(leases(), line(1_700_000_009));
    await expect.poll(at).toEqual([of(1_700_000_000), of(1_700_000_009)]);
    appendFileSync(leases(), "170000");
    watch!.tick(false);
    expect(at()).toHaveLength(2);
  });

  it("are seen by a look where the kernel's news was lost", () => {
    const lost = begin();
    lost.close();
    writeFileSync(leases(), line(1_700_000_000));
    expect(at()).toEqual([]);
    lost.tick(false);
    expect(at()).toEqual([of(1_700_000_000)]);
    lost.tick(false);
    expect(at()).toHaveLength(1);
  });

  it("are seen once their directory is there", async () => {
    rmSync(paths.network(layout, networkId), { recursive: true });
    const early = begin();
    early.tick(false);
    mkdirSync(paths.network(layout, networkId));
    early.tick(false);
    writeFileSync(leases(), line(1_700_000_000));
    await expect.poll(at).toEqual([of(1_700_000_000)]);
  });

  it("are the newest of each MAC address", () => {
    writeFileSync(leases(), line(1_700_000_005, "10.20.0.11") + line(1_700_000_001) + "junk\n");
    expect(readAcknowledgements(layout, networkId)).toEqual([
      { networkId, mac, ipv4Address: "10.20.0.11", at: of(1_700_000_005) },
    ]);
  });
});

describe("services", () => {
  const record = (value: object) =>
    writeFileSync(paths.dnsmasqProcess(layout, networkId), JSON.stringify(value));
  const self = identify(process.pid)!;
  const dead = { ...self, startTime: self.startTime - 1 };

  it("that run are no news; those that ended are told once, until they have run again", () => {
    record(self);
    begin();
    const tick = () => watch!.tick(false);
    tick();
    expect(broken).toBe(0);
    record(dead);
    tick();
    tick();
    expect(broken).toBe(1);
    record(self);
    tick();
    record(dead);
    tick();
    expect(broken).toBe(2);
  });

  it("that are just being changed are let be", () => {
    record(dead);
    begin().tick(true);
    expect(broken).toBe(0);
    watch!.tick(false);
    expect(broken).toBe(1);
  });

  it("without a record are broken only where there should be some, and not for a moment alone", () => {
    begin();
    for (let ticks = 0; ticks < 5; ticks++) watch!.tick(false);
    expect(broken).toBe(0);
    writeFileSync(paths.networkRecord(layout, networkId), "{}");
    watch!.tick(false);
    expect(broken).toBe(0);
    watch!.tick(false);
    watch!.tick(false);
    expect(broken).toBe(1);
  });
});
