import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { isLog, logFile, turnLog } from "./log-file.ts";

let directory: string;
let path: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lodge-log-"));
  path = logFile(directory);
  fd = openSync(path, "a", 0o600);
});
afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

it("stays as it is up to its limit", () => {
  writeSync(fd, "0123456789");
  turnLog(path, fd, 10);
  expect(readFileSync(path, "utf8")).toBe("0123456789");
  expect(existsSync(`${path}.old`)).toBe(false);
});

it("begins anew beyond it for all who have it open, with the one before beside it", () => {
  for (const word of ["first", "second", "third"]) {
    writeSync(fd, `${word} too long`);
    turnLog(path, fd, 10);
    expect(readFileSync(`${path}.old`, "utf8")).toBe(`${word} too long`);
  }
  expect(statSync(`${path}.old`).mode & 0o777).toBe(0o600);
  appendFileSync(path, "another's; ");
  writeSync(fd, "ours");
  expect(readFileSync(path, "utf8")).toBe("another's; ours");
});

it("begins anew also where the one before cannot be kept", () => {
  mkdirSync(`${path}.old`);
  writeSync(fd, "too long by far");
  expect(() => turnLog(path, fd, 10)).not.toThrow();
  expect(statSync(path).size).toBe(0);
});

it("is told from other files, and from what is no file", () => {
  expect(isLog(path, fd)).toBe(true);
  expect(isLog(join(directory, "none"), fd)).toBe(false);
  const other = openSync(join(directory, "other"), "a");
  const nothing = openSync("/dev/null", "a");
  expect([isLog(path, other), isLog(path, nothing)]).toEqual([false, false]);
  for (const opened of [other, nothing]) closeSync(opened);
});
