import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findProgram } from "../../agent/src/lib/program-path.ts";
import { unzipEntry } from "../quickstart/zip.ts";
import { zip, type ZipEntry } from "./zip.ts";

const data = fc.uint8Array({ maxLength: 5000 });

describe("zip", () => {
  it("packs what is unpacked again, and the same bytes every time", async () => {
    await fc.assert(
      fc.asyncProperty(data, data, async (one, two) => {
        const entries: ZipEntry[] = [
          { name: "LICENSE", data: one },
          { name: "dienst-ä", data: two, executable: true },
        ];
        const archive = await zip(entries);
        expect(unzipEntry(archive, "LICENSE")).toEqual(Buffer.from(one));
        expect(unzipEntry(archive, "dienst-ä")).toEqual(Buffer.from(two));
        expect(await zip(entries)).toEqual(archive);
      }),
    );
  });

  it("is understood by unzip, modes and all", async (context) => {
    if (!findProgram("unzip", process.env)) context.skip("unzip is not installed");
    const directory = mkdtempSync(join(tmpdir(), "lodge-zip-"));
    try {
      const path = join(directory, "it.zip");
      const entries: ZipEntry[] = [
        { name: "README", data: Buffer.from("read me") },
        { name: "run", data: Buffer.from("#!/bin/sh\necho it runs\n"), executable: true },
      ];
      writeFileSync(path, await zip(entries));
      expect(String(execFileSync("unzip", ["-Z", path]))).toMatch(
        /-rw-r--r--.*80-Jan-01 00:00 README\n-rwxr-xr-x.*80-Jan-01 00:00 run\n/u,
      );
      execFileSync("unzip", ["-q", path, "-d", directory]);
      expect(String(execFileSync(join(directory, "run")))).toBe("it runs\n");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
