import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { writeCpio, type Member } from "./cpio.ts";

const members: readonly Member[] = [
  { path: "bin", type: "directory" },
  { path: "bin/tool", type: "file", mode: 0o755, data: Buffer.from("five!") },
  { path: "bin/empty", type: "file", mode: 0o644, data: new Uint8Array() },
  { path: "bin/link", type: "link", target: "tool" },
];

it("writes an archive that cpio unpacks to the same files", () => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-cpio-"));
  try {
    execFileSync("cpio", ["--extract", "--quiet"], { cwd: directory, input: writeCpio(members) });
    expect(readFileSync(join(directory, "bin/tool"), "utf8")).toBe("five!");
    expect(statSync(join(directory, "bin/tool")).mode & 0o777).toBe(0o755);
    expect(statSync(join(directory, "bin/empty")).size).toBe(0);
    expect(readlinkSync(join(directory, "bin/link"))).toBe("tool");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("writes device nodes, each member on a boundary of four bytes", () => {
  const archive = writeCpio([
    ...members,
    { path: "dev/console", type: "device", major: 5, minor: 1 },
  ]);
  const list = execFileSync("cpio", ["--list", "--verbose", "--quiet"], { input: archive });
  expect(list.toString()).toMatch(/^crw-------.* 5, +1 .* dev\/console$/m);
  expect(archive.length % 4).toBe(0);
});

it("gives the same bytes for the same members", () => {
  expect(writeCpio(members).equals(writeCpio(members))).toBe(true);
});
