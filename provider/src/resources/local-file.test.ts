import { createHash } from "node:crypto";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { digestOf, fileChunks } from "./local-file.ts";

let directory: string;
let path: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "lodge-file-"));
  path = join(directory, "large");
  await writeFile(path, "");
  // Sparse, and far more than is read before the signal comes.
  await truncate(path, 64 * 2 ** 30);
});
afterAll(() => rm(directory, { recursive: true }));

test("the digest of a large file is broken off by Ctrl-C, with its reason", async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(new Error("Ctrl-C")), 50);
  await expect(digestOf(path, stop.signal)).rejects.toThrow("Ctrl-C");
});

test("so is reading it", async () => {
  const stop = new AbortController();
  const read = async () => {
    for await (const chunk of fileChunks(path, stop.signal)) {
      expect(chunk.length).toBeGreaterThan(0);
      stop.abort(new Error("Ctrl-C"));
    }
  };
  await expect(read()).rejects.toThrow("Ctrl-C");
});

test("a digest is that of the content, and a directory has none", async () => {
  const small = join(directory, "small");
  await writeFile(small, "content");
  const { signal } = new AbortController();
  expect(await digestOf(small, signal)).toBe(createHash("sha256").update("content").digest("hex"));
  await expect(digestOf(directory, signal)).rejects.toThrow("is no regular file");
});
