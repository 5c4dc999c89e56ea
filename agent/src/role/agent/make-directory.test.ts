import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeDirectory } from "./make-directory.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "lodge-directory-"));
});
afterEach(() => rmSync(root, { recursive: true }));

it("makes all that is missing, for its owner alone, and again", async () => {
  const path = join(root, "a", "b");
  await makeDirectory(path);
  await makeDirectory(path);
  for (const made of [join(root, "a"), path]) expect(statSync(made).mode & 0o777).toBe(0o700);
});

it.each([
  ["/proc/lodge/dev", "no directories can be made there"],
  ["/proc/lodge", "no directories can be made there"],
  ["file", "a file is in the way"],
  ["file/dev", "a file is in the way"],
])("says why %s cannot be made, and what to do", async (path, words) => {
  writeFileSync(join(root, "file"), "");
  await expect(makeDirectory(path.startsWith("/") ? path : join(root, path))).rejects.toMatchObject(
    {
      reason: "DIRECTORY_UNUSABLE",
      message: expect.stringContaining(words),
      remedy: expect.stringContaining("--dir"),
    },
  );
});
