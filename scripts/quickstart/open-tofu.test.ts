import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, stat } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import fc from "fast-check";
import { crc32, deflateRawSync } from "node:zlib";
import { fetchOpenTofu, release } from "./open-tofu.ts";
import { unzipEntry } from "./zip.ts";

/** A zip archive as `zip` writes it: local entries, the central directory, its end. */
function zip(files: Readonly<Record<string, Buffer>>, method: 0 | 8 = 8, comment = ""): Buffer {
  const locals: Buffer[] = [];
  const entries: Buffer[] = [];
  let at = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = method === 0 ? content : deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(method, 4);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(Buffer.byteLength(name), 22);
    const extra = Buffer.from("extra");
    const local = Buffer.from(common);
    local.writeUInt16LE(extra.length, 24);
    locals.push(Buffer.from("PK\u0003\u0004", "latin1"), local, Buffer.from(name), extra, packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(at, 10);
    entries.push(Buffer.from("PK\u0001\u0002\u0014\0", "latin1"), common, tail, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + extra.length + packed.length;
  }
  const directory = Buffer.concat(entries);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 8);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...locals, directory, end, Buffer.from(comment)]);
}

describe("unzipEntry", () => {
  it("gives back what was packed, whatever stands around it", () => {
    const content = fc.uint8Array({ maxLength: 5000 }).map((bytes) => Buffer.from(bytes));
    const method = fc.constantFrom<0 | 8>(0, 8);
    fc.assert(
      fc.property(
        content,
        content,
        method,
        fc.string({ unit: "grapheme-ascii" }),
        (one, two, how, comment) => {
          const archive = zip({ LICENSE: one, tofu: two }, how, comment);
          expect(unzipEntry(archive, "tofu")).toEqual(two);
          expect(unzipEntry(archive, "LICENSE")).toEqual(one);
        },
      ),
    );
  });

  it("refuses what is missing, damaged or no archive", () => {
    const archive = zip({ tofu: Buffer.from("x".repeat(1000)) }, 0);
    expect(() => unzipEntry(archive, "terraform")).toThrow("has no terraform");
    const damaged = Buffer.from(archive);
    damaged[100] = 0;
    expect(() => unzipEntry(damaged, "tofu")).toThrow("damaged");
    expect(() => unzipEntry(Buffer.from("<html>".repeat(10)), "tofu")).toThrow("no zip archive");
  });
});

describe("fetchOpenTofu", () => {
  const program = Buffer.from("#!/bin/sh\necho OpenTofu\n");
  const archive = zip({ "CHANGELOG.md": Buffer.from("…"), tofu: program });
  const sha256 = { x64: createHash("sha256").update(archive).digest("hex") };
  let directory: string;
  let server: Server;
  let requests: string[];
  let answer: { status: number; body: Buffer; announce?: number };

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "lodge-tofu-"));
    requests = [];
    answer = { status: 200, body: archive };
    server = createServer((request, response) => {
      requests.push(request.url ?? "");
      response.writeHead(answer.status, {
        "content-length": answer.announce ?? answer.body.length,
      });
      response.end(answer.body);
      if (answer.announce) response.destroy();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  const fetchIt = (more: Partial<Parameters<typeof fetchOpenTofu>[0]> = {}) =>
    fetchOpenTofu({
      mirror: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror/`,
      cacheDirectory: directory,
      architecture: "x64",
      sha256,
      progress: () => {},
      ...more,
    });
  const kept = async () => readdir(join(directory, release.version)).catch(() => []);

  it("fetches, checks and unpacks it, once", async () => {
    const path = await fetchIt();
    expect(await readFile(path)).toEqual(program);
    expect((await stat(path)).mode & 0o777).toBe(0o755);
    expect(await fetchIt()).toBe(path);
    const { version } = release;
    expect(requests).toEqual([`/mirror/v${version}/tofu_${version}_linux_amd64.zip`]);
    expect(await kept()).toEqual(["tofu"]);
  });

  it("keeps nothing of what has another digest, and names both", async () => {
    await expect(fetchIt({ sha256: release.sha256 })).rejects.toThrow(
      `its SHA-256 is ${sha256.x64}, not ${release.sha256.x64}. Nothing was kept.`,
    );
    expect(await kept()).toEqual([]);
  });

  it("says what to install where it cannot be had", async () => {
    answer = { status: 404, body: Buffer.from("not here") };
    await expect(fetchIt()).rejects.toThrow(
      /the server answers 404.*Install Terraform or OpenTofu yourself/u,
    );
    await expect(fetchIt({ mirror: "http://127.0.0.1:1" })).rejects.toThrow(
      /ECONNREFUSED|bad port/u,
    );
    await expect(fetchIt({ architecture: "riscv64" })).rejects.toThrow("no OpenTofu for riscv64");
  });

  it("notices a download that breaks off", async () => {
    answer = { status: 200, body: archive.subarray(0, 50), announce: archive.length };
    await expect(fetchIt()).rejects.toThrow("cannot be fetched");
    expect(await kept()).toEqual([]);
  });

  it("can be interrupted", async () => {
    const signal = AbortSignal.abort(new Error("interrupted"));
    await expect(fetchIt({ signal })).rejects.toThrow("interrupted");
  });
});
