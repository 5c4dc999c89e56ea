import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { paths, type Layout } from "../../lib/layout.ts";
import { ConsoleReader } from "./console-reader.ts";

const vmId = "11111111-1111-4111-8111-111111111111";
const signal = new AbortController().signal;

describe("a reader of a console", () => {
  let layout: Layout;
  let log: string;
  let old: string;
  let reader: ConsoleReader;
  beforeEach(() => {
    const directory = mkdtempSync(join(tmpdir(), "lodge-console-"));
    layout = { stateDir: directory, runDir: directory };
    mkdirSync(paths.vm(layout, vmId), { recursive: true });
    log = paths.consoleLog(layout, vmId);
    old = paths.consoleOld(layout, vmId);
    reader = new ConsoleReader(paths.vm(layout, vmId));
  });
  afterEach(async () => {
    await reader[Symbol.asyncDispose]();
    rmSync(layout.runDir, { recursive: true });
  });

  const rest = async (): Promise<string> =>
    Buffer.concat(await Array.fromAsync(reader.rest())).toString();
  /** The file is full, and a new one begins. */
  const replace = (text: string): void => {
    renameSync(log, old);
    writeFileSync(log, text);
  };

  it("reads nothing where nothing was printed yet, and later what was", async () => {
    expect(await rest()).toBe("");
    writeFileSync(log, "a");
    expect(await rest()).toBe("a");
    expect(await rest()).toBe("");
    appendFileSync(log, "b");
    expect(await rest()).toBe("b");
  });

  it("begins with the old file", async () => {
    writeFileSync(log, "a");
    replace("b");
    expect(await rest()).toBe("ab");
  });

  it("reads the end of a file before the one that replaces it", async () => {
    writeFileSync(log, "a");
    expect(await rest()).toBe("a");
    appendFileSync(log, "b");
    replace("c");
    expect(await rest()).toBe("bc");
    appendFileSync(log, "d");
    replace("e");
    appendFileSync(log, "f");
    expect(await rest()).toBe("def");
  });

  it("goes on where it was too slow, with what is still there", async () => {
    writeFileSync(log, "a");
    expect(await rest()).toBe("a");
    replace("lost");
    replace("c");
    replace("d");
    expect(await rest()).toBe("cd");
  });

  it("waits in the moment in which there is an old file and no new one", async () => {
    writeFileSync(log, "a");
    expect(await rest()).toBe("a");
    renameSync(log, old);
    expect(await rest()).toBe("");
    writeFileSync(log, "b");
    expect(await rest()).toBe("b");
  });

  it("reads much more than fits into a chunk", async () => {
    const text = "0123456789".repeat(50_000);
    writeFileSync(log, text);
    replace(text);
    expect(await rest()).toBe(text + text);
  });

  it("is woken by what is printed, by a new file, and not missed by what came before it waits", async () => {
    writeFileSync(log, "a");
    await rest();
    appendFileSync(log, "b");
    await reader.changed(signal);
    expect(await rest()).toBe("b");
    const woken = reader.changed(signal);
    replace("c");
    await woken;
    expect(await rest()).toBe("c");
  });

  it("stops waiting with its signal", async () => {
    const abort = new AbortController();
    const waiting = reader.changed(abort.signal);
    abort.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
  });

  it("reads on from an ended guest whose files are removed", async () => {
    writeFileSync(log, "a");
    expect(await rest()).toBe("a");
    appendFileSync(log, "b");
    rmSync(paths.vm(layout, vmId), { recursive: true });
    expect(await rest()).toBe("b");
    expect(await rest()).toBe("");
  });
});
