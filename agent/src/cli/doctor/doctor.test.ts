import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { expect, it } from "vitest";
import { createAuthority, issueClientCertificate } from "../../lib/pki.ts";
import { droppingChains } from "./firewall.ts";
import { runChecks } from "./run-checks.ts";
import type { World } from "./check.ts";

/** A machine on which all is well but for what a test says. */
function world(more: Partial<World> = {}): World {
  return {
    env: { HOME: "/nonexistent" },
    target: {},
    isRoot: true,
    now: new Date("2026-01-01"),
    which: (name) => (name.startsWith("/") ? name : `/usr/bin/${name}`),
    run: async (file, args) => {
      if (args.includes("--json")) return '{"nftables":[]}';
      return `${file} version 8.2.1`;
    },
    openProblem: async () => undefined,
    freeBytes: async () => 50 * 2 ** 30,
    probeAccelerator: async () => ({ accelerator: "kvm", reason: "the probe took 40 ms" }),
    probeDev: async () => ({ mode: "user", obstacles: [] }),
    ...more,
  };
}

async function problems(more: Partial<World>) {
  const findings = await runChecks(world(more), new AbortController().signal);
  return Object.fromEntries(
    findings.filter(({ status }) => status !== "ok").map((finding) => [finding.name, finding]),
  );
}

it("finds nothing on a good machine but that no agent runs", async () => {
  const found = await problems({});
  expect(Object.keys(found)).toEqual(["agent"]);
  expect(found["agent"]).toMatchObject({ status: "warning" });
  expect(found["agent"]!.remedy).toContain("lodge agent --dev");
});

it("says of an agent that has ended how to have it again", async () => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-doctor-"));
  try {
    const authority = await createAuthority("test");
    const identity = await issueClientCertificate(authority, { user: "ann", role: "admin" });
    const files = agentFiles(directory, "dev");
    writeFileSync(join(directory, "agent.json"), '{"name":"dev"}');
    writeFileSync(files.caCertificate, authority.certificate);
    writeFileSync(files.clientCertificate, identity.certificate);
    writeFileSync(files.clientKey, identity.key);
    const found = await problems({ target: { agentDir: directory } });
    expect(found["agent"]).toEqual({
      name: "agent",
      status: "missing",
      detail: `dev at unix:${files.socket} cannot be reached (ENOENT).`,
      remedy: "Start its agent: `lodge agent --dev`, with the --name or --dir that it had.",
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("names the package of a missing program, and does not insist on what is optional", async () => {
  const absent = ["nft", "pasta", "slirp4netns"];
  const which = (name: string) => (absent.includes(name) ? undefined : `/usr/bin/${name}`);
  const found = await problems({ which });
  expect(found["nft"]).toMatchObject({
    status: "missing",
    remedy: "Install it: sudo apt-get install nftables",
  });
  expect(found["pasta"]).toMatchObject({ status: "warning" });
});

it("takes the second program where the first is missing", async () => {
  const which = (name: string) => (name === "pasta" ? undefined : `/usr/bin/${name}`);
  const findings = await runChecks(world({ which }), new AbortController().signal);
  expect(findings).toContainEqual({
    name: "slirp4netns",
    status: "ok",
    detail: "8.2.1 (/usr/bin/slirp4netns)",
  });
});

it("refuses a QEMU that is too old", async () => {
  const run: World["run"] = async (_, args) =>
    args.includes("--json") ? '{"nftables":[]}' : "QEMU emulator version 6.2.0 (Debian)";
  expect((await problems({ run }))["qemu-system-x86_64"]).toMatchObject({
    status: "missing",
    detail: "6.2.0 is too old",
  });
});

it("says why guests are emulated, as a warning", async () => {
  const found = await problems({
    probeAccelerator: async () => ({ accelerator: "tcg", reason: "the probe took 12800 ms" }),
  });
  expect(found["accelerator"]).toMatchObject({ status: "warning" });
  expect(found["accelerator"]!.detail).toContain("12800 ms");
});

it.each([
  ["EACCES", "usermod -aG kvm"],
  ["ENOENT", "modprobe kvm_intel"],
  [undefined, "passes hardware virtualization on"],
])("says what helps where /dev/kvm gives %s, and nothing else", async (problem, remedy) => {
  const remedies = ["usermod -aG kvm", "modprobe kvm_intel", "passes hardware virtualization on"];
  const found = await problems({
    probeAccelerator: async () => ({ accelerator: "tcg", reason: "KVM does not run guests" }),
    openProblem: async (path) => (path === "/dev/kvm" ? problem : undefined),
  });
  const said = remedies.filter((text) => found["accelerator"]!.remedy!.includes(text));
  expect(said).toEqual([remedy]);
});

it("tells a device that is not there from one that may not be opened", async () => {
  expect((await problems({ openProblem: async () => "ENOENT" }))["/dev/net/tun"]!.remedy).toContain(
    "modprobe",
  );
  expect((await problems({ openProblem: async () => "EACCES" }))["/dev/net/tun"]!.remedy).toContain(
    "chmod",
  );
});

it("passes on what keeps a development host from being made", async () => {
  const obstacle = { mode: "user" as const, message: "AppArmor forbids it", remedy: "use sudo" };
  const forbidden = await problems({
    probeDev: async () => ({ mode: undefined, obstacles: [obstacle] }),
  });
  expect(forbidden["namespaces"]).toMatchObject({
    status: "missing",
    detail: "AppArmor forbids it",
    remedy: "use sudo",
  });
  const root = await problems({ probeDev: async () => ({ mode: "root", obstacles: [obstacle] }) });
  expect(root["namespaces"]).toMatchObject({ status: "warning" });
});

it("warns of little room, and fails at none", async () => {
  expect((await problems({ freeBytes: async () => 2 ** 30 }))["disk space"]).toMatchObject({
    status: "warning",
  });
  expect((await problems({ freeBytes: async () => 2 ** 20 }))["disk space"]).toMatchObject({
    status: "missing",
  });
});

it.each([
  ["nft", "nftables v1.0.6 (Lester Gooch #5)", "1.0.6"],
  ["pasta", "pasta 2024_06_07.8a83b53\nCopyright Red Hat", "2024_06_07.8a83b53"],
  ["pasta", "pasta 0.0~git20230309.7c7625d-1", "0.0~git20230309.7c7625d"],
  ["ip", "ip utility, iproute2-6.1.0, libbpf 1.1.0", "6.1.0"],
  ["dnsmasq", "Dnsmasq version 2.90  Copyright (c) 2000-2024 Simon Kelley", "2.90"],
])("finds the version in what %s says of itself: %s", async (name, said, version) => {
  const run: World["run"] = async (file, args) =>
    args.includes("--json") ? '{"nftables":[]}' : file.endsWith(`/${name}`) ? said : "8.2.1";
  const findings = await runChecks(world({ run }), new AbortController().signal);
  const detail = `${version} (/usr/bin/${name})`;
  expect(findings).toContainEqual({ name, status: "ok", detail });
});

it("names the chain of others that drops what is forwarded, with a rule that lets us through", async () => {
  const chain = { family: "ip", table: "filter", name: "FORWARD", handle: 2 };
  const text = JSON.stringify({
    nftables: [
      { metainfo: { version: "1.0.6" } },
      { chain: { ...chain, type: "filter", hook: "forward", prio: 0, policy: "drop" } },
      { chain: { ...chain, name: "INPUT", hook: "input", policy: "drop" } },
      { chain: { ...chain, table: "lodge_1", hook: "forward", policy: "drop" } },
    ],
  });
  expect(droppingChains(text)).toHaveLength(1);
  const run: World["run"] = async (_, args) => (args.includes("--json") ? text : "8.2.1");
  const found = await problems({ run });
  expect(found["firewall"]!.remedy).toBe(
    'Let our bridges through: sudo nft insert rule ip filter FORWARD iifname "lgb-*" accept',
  );
  expect(Object.keys(await problems({ run, isRoot: false }))).not.toContain("firewall");
});

it("makes a finding of a check that breaks", async () => {
  const found = await problems({ freeBytes: () => Promise.reject(new Error("EIO")) });
  expect(found["space"]).toMatchObject({ status: "warning", detail: "cannot be checked: EIO" });
});
