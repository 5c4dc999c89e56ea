import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";

/** RESOURCE_EXHAUSTED (reason DISK_FULL), naming the file system that holds a path and what is free on it. */
export async function diskFull(path: string, what: string, cause?: unknown): Promise<LodgeError> {
  const free = Math.floor((await freeBytes(path)) / 2 ** 20);
  const mount = mountPoint(path);
  return lodgeError(
    "DISK_FULL",
    `${sentence(what)} does not fit: the file system at ${mount} has ${free} MiB free.`,
    { remedy: "Free some space there, or make the file system larger.", cause },
  );
}

const sentence = (words: string): string => words.charAt(0).toUpperCase() + words.slice(1);

/** What is free on the file system that holds a path. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** Whether an error, or what a program said, is that a file system or a quota is full. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return true;
  return /No space left on device|Disk quota exceeded/.test(error.message);
}

/** The longest mount point that the path is under. */
function mountPoint(path: string): string {
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const points = mounts.map((line) => (line.split(" ")[1] ?? "").replaceAll(String.raw`\040`, " "));
  return points
    .filter((point) => point === "/" || path === point || path.startsWith(`${point}/`))
    .reduce((longest, point) => (point.length > longest.length ? point : longest), "/");
}
