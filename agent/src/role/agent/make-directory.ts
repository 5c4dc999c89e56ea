import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";

/**
 * Makes a directory and those above it, for its owner alone; one that is there already is success. Node's own way does
 * not end where a file system that is there takes no directories, such as /proc.
 *
 * Throws DIRECTORY_UNUSABLE.
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeFrom(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw lodgeError("DIRECTORY_UNUSABLE", `The directory ${path} cannot be made: ${why(code)}.`, {
      remedy: "Choose with --dir a directory of your own on a file system that keeps files.",
      cause,
    });
  }
}

async function makeFrom(path: string): Promise<void> {
  try {
    await mkdir(path, 0o700);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeFrom(dirname(path));
    await mkdir(path, 0o700);
  }
}

function why(code: string | undefined): string {
  switch (code) {
    case "ENOENT":
      return "no directories can be made there";
    case "EACCES":
    case "EPERM":
      return "you may not write there";
    case "EROFS":
      return "the file system is read-only";
    case "EEXIST":
    case "ENOTDIR":
      return "a file is in the way";
    case "ENOSPC":
    case "EDQUOT":
      return "the file system is full";
    default:
      return `the system says ${code}`;
  }
}
