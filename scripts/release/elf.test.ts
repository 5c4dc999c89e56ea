import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pinnedNode } from "../build/launcher.ts";
import { embedProgram } from "./elf.ts";
import { seaBlob } from "./sea-blob.ts";

let directory: string;
const node = readFileSync(pinnedNode());

beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "lodge-elf-"))));
afterAll(() => rmSync(directory, { recursive: true }));

/** An executable that runs `text` as a script. */
function made(text: string, nodeFlags: readonly string[] = []): string {
  const path = join(directory, `program-${Math.random()}`);
  const main = Buffer.from(text);
  const blob = seaBlob({ name: "it.js", kind: "script", main, nodeFlags, compiled: true });
  writeFileSync(path, embedProgram(node, blob), { mode: 0o755 });
  return path;
}

describe("an executable with a program in it", () => {
  it("runs it, and takes all arguments for the program's", () => {
    const path = made(
      `console.log(JSON.stringify([process.argv.slice(2), process.execArgv, require("node:sea").isSea(), new Error("it").stack]))`,
    );
    const args = ["a", "--inspect=0", "--node-options=--no-such-flag", "--", "-e", "0"];
    const [argv, execArgv, isSea, stack] = JSON.parse(String(execFileSync(path, args)));
    expect({ argv, execArgv, isSea }).toEqual({ argv: args, execArgv: [], isSea: true });
    expect(stack).toContain("it.js:1");
  });

  it.each([
    { NODE_OPTIONS: "--require=/nonexistent.js --inspect=0 --no-such-flag" },
    { NODE_PATH: "/nonexistent" },
    { NODE_ICU_DATA: "/nonexistent" },
    { OPENSSL_CONF: "/nonexistent" },
    { NODE_CHANNEL_FD: "99" },
  ])("does not care for %o", (env) => {
    const path = made(`process.stdout.write("it runs")`);
    const { status, stdout, stderr } = spawnSync(path, { env: { ...process.env, ...env } });
    expect([status, String(stdout), String(stderr)]).toEqual([0, "it runs", ""]);
  });

  it("gives Node the flags that it was made with", () => {
    const path = made(`process.stdout.write(typeof globalThis.gc)`, ["--expose-gc"]);
    expect(String(execFileSync(path))).toBe("function");
  });

  it("is smaller than Node, whose symbols nobody reads", () => {
    expect(readFileSync(made("0")).length).toBeLessThan(node.length * 0.9);
  });

  it("is made of Node alone, once", () => {
    const embed = (image: Buffer) => () => embedProgram(image, Buffer.from("program"));
    expect(embed(Buffer.from("#!/bin/sh\n".repeat(20)))).toThrow("no 64-bit little-endian");
    expect(embed(readFileSync(made("0")))).toThrow("not known here");
    const noNode = Buffer.from(node);
    noNode.fill(
      0,
      noNode.indexOf("NODE_SEA_FUSE_fce680ab"),
      noNode.indexOf("NODE_SEA_FUSE_fce680ab") + 8,
    );
    expect(embed(noNode)).toThrow("no Node");
    const movable = Buffer.from(node);
    movable.writeUInt16LE(3, 16);
    expect(embed(movable)).toThrow("no fixed addresses");
  });
});
