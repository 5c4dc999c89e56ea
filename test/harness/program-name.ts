import { readFileSync } from "node:fs";

/** The program that a process runs, of its name the first 15 characters; empty for one that has ended. */
export function programName(pid: number | string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "latin1").trim();
  } catch {
    return "";
  }
}
