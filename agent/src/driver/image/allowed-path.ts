import { constants } from "node:fs";
import { lstat, open, readlink, realpath, type FileHandle } from "node:fs/promises";
import { isAbsolute, join, normalize } from "node:path";
import { lodgeError, type LodgeError } from "@lodge/schemas/rpc/error.ts";

/**
 * Opens a regular file for reading that lies inside one of the roots. No part of the path below its root may be a
 * symbolic link, also not one that is put there while this looks: what counts is where the kernel says that the
 * opened file is.
 *
 * Throws INVALID_ARGUMENT (reasons PATH_NOT_ALLOWED, PATH_NOT_FOUND).
 */
export async function openAllowed(roots: readonly string[], path: string): Promise<FileHandle> {
  const root = roots.map(withSlash).find((candidate) => path.startsWith(candidate));
  if (root === undefined || !isAbsolute(path) || normalize(path) !== path || path.includes("\0")) {
    const allowed = roots.length === 0 ? "no directory" : roots.join(", ");
    throw lodgeError("PATH_NOT_ALLOWED", `images may not be copied from ${path}`, {
      remedy: `Put the file into a directory that the agent allows (${allowed}).`,
    });
  }
  // A root may itself be reached through links: who runs the agent chose it.
  const realRoot = await realpath(root).catch(() => undefined);
  if (realRoot === undefined) throw notFound(path);
  const expected = join(realRoot, path.slice(root.length));
  const file = await openRegular(expected, path);
  const actual = await readlink(`/proc/self/fd/${file.fd}`);
  if (actual === expected && (await file.stat()).isFile()) return file;
  await file.close();
  throw leadsElsewhere(path);
}

/** Looks before it opens, since opening a device or a pipe can have effects; what is opened is looked at again. */
async function openRegular(real: string, path: string): Promise<FileHandle> {
  try {
    const stats = await lstat(real);
    if (stats.isSymbolicLink()) throw leadsElsewhere(path);
    if (!stats.isFile()) throw notFound(path);
    return await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    switch ((error as NodeJS.ErrnoException).code) {
      case "ENOENT":
      case "ENOTDIR":
      case "ENAMETOOLONG":
        throw notFound(path);
      case "ELOOP":
        throw leadsElsewhere(path);
      case "EACCES":
        throw lodgeError("PATH_NOT_ALLOWED", `the agent may not read ${path}`, {
          remedy: "Give its user the right to read the file.",
          cause: error,
        });
      default:
        throw error;
    }
  }
}

function withSlash(directory: string): string {
  const path = normalize(directory);
  return path.endsWith("/") ? path : `${path}/`;
}

function notFound(path: string): LodgeError {
  return lodgeError("PATH_NOT_FOUND", `there is no regular file at ${path} on the host`);
}

function leadsElsewhere(path: string): LodgeError {
  return lodgeError("PATH_NOT_ALLOWED", `${path} leads through a symbolic link`, {
    remedy: "Name the file by its own path.",
  });
}
