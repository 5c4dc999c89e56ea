/** The log of an agent in the background: a file beside its database, which must not take the room of that. */
import { copyFileSync, fstatSync, ftruncateSync, lchownSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bytes after which a log begins anew. One before it is kept. */
const logLimit = 10 * 2 ** 20;

/** The file that a background agent logs to. */
export function logFile(directory: string): string {
  return join(directory, "agent.log");
}

/**
 * Where the log is too long, makes it the old one and begins an empty one. It is copied and cut off, since other
 * processes have it open; they must append to it. Where there is no room for a copy, what it says is given up.
 *
 * @param fd the same file, open for writing.
 * @param limit in bytes.
 */
export function turnLog(path: string, fd: number, limit = logLimit): void {
  if (fstatSync(fd).size <= limit) return;
  const old = `${path}.old`;
  try {
    copyFileSync(path, old);
    const { uid, gid } = statSync(dirname(path));
    // Where root runs an agent for a user, the log is that user's.
    if (uid !== process.getuid?.()) lchownSync(old, uid, gid);
  } catch {
    rmSync(old, { recursive: true, force: true });
  }
  ftruncateSync(fd, 0);
}

/**
 * Whether a process has the log open as `fd`: nothing is to be cut off that is not the log of an agent in the
 * background, such as a file to which a user has led the words of one in the foreground.
 */
export function isLog(path: string, fd: number): boolean {
  const [there, here] = [statSync(path, { throwIfNoEntry: false }), fstatSync(fd)];
  return here.isFile() && there?.ino === here.ino && there.dev === here.dev;
}
