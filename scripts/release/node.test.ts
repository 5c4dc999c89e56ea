import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pinnedNode } from "../build/launcher.ts";
import { architectures, nodeFor, type Architecture } from "./node.ts";

const own = process.arch as Architecture;
const other = (Object.keys(architectures) as Architecture[]).find((name) => name !== own)!;

describe("Node", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "lodge-node-"));
    vi.stubEnv("XDG_CACHE_HOME", directory);
    vi.stubEnv("PATH", `${directory}${delimiter}${process.env["PATH"]}`);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true });
  });
  /** Puts an npm that does this in the place of the real one. */
  const npm = (script: string) =>
    writeFileSync(join(directory, "npm"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const fetched = () => readdirSync(join(directory, "lodge", "node"));

  it("of this machine is the one that is installed", async () => {
    npm("exit 1");
    expect(await nodeFor(own, () => {})).toBe(pinnedNode());
  });

  it("of another architecture that npm cannot fetch is missing, and npm says why", async () => {
    npm("echo no network >&2; exit 1");
    await expect(nodeFor(other, () => {})).rejects.toThrow(
      new RegExp(`npm pack .*node-linux-${other}@[\\d.]+ failed .*\\nno network`, "u"),
    );
    expect(fetched()).toEqual([]);
  });

  it("that is another one than the lock file has is refused", async () => {
    npm("echo something else > node.tgz");
    await expect(nodeFor(other, () => {})).rejects.toThrow("not what package-lock.json has");
    expect(fetched()).toEqual([]);
  });
});
