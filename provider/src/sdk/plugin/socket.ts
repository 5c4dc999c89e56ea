/** The unix socket of a provider process: a name of its own, and no dead ones left of those that were killed. */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, readFileSync, rmSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Environment } from "./handshake.ts";

const prefix = "terraform-plugin-";
const suffix = ".sock";

/** A younger socket may be between its birth and its first listen. */
const sweepAgeMs = 60_000;

/** @returns the directory that Terraform asks for, else the system's for temporary files. */
export function socketDirectory(env: Environment): string {
  return env.PLUGIN_UNIX_SOCKET_DIR || tmpdir();
}

/** @returns a path that nobody else has. */
export function socketPath(env: Environment): string {
  return join(socketDirectory(env), `${prefix}${randomBytes(6).toString("hex")}${suffix}`);
}

/** Lets only the user in, or also the group that `PLUGIN_UNIX_SOCKET_GROUP` names (name or number). */
export function restrictSocket(path: string, env: Environment): void {
  const group = env.PLUGIN_UNIX_SOCKET_GROUP;
  if (!group) {
    chmodSync(path, 0o600);
    return;
  }
  chownSync(path, process.getuid?.() ?? -1, groupId(group));
  chmodSync(path, 0o660);
}

/** Removes the socket's file; it does not matter whether it is there. */
export function removeSocket(path: string): void {
  rmSync(path, { force: true });
}

/** Removes sockets of this user on which nobody listens any more: those of processes that were killed. */
export async function sweepSockets(directory: string, now: number = Date.now()): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const candidates = names.filter((name) => name.startsWith(prefix) && name.endsWith(suffix));
  await Promise.all(
    candidates.map(async (name) => {
      const path = join(directory, name);
      const stats = await lstat(path).catch(() => undefined);
      if (!stats?.isSocket() || stats.uid !== process.getuid?.()) return;
      if (now - stats.mtimeMs < sweepAgeMs || !(await isDead(path))) return;
      await rm(path, { force: true }).catch(() => {});
    }),
  );
}

function isDead(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(false));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code === "ECONNREFUSED"));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

function groupId(group: string): number {
  if (/^\d+$/u.test(group)) return Number(group);
  const line = readFileSync("/etc/group", "utf8")
    .split("\n")
    .map((text) => text.split(":"))
    .find(([name]) => name === group);
  if (!line) throw new Error(`there is no group ${group} (PLUGIN_UNIX_SOCKET_GROUP)`);
  return Number(line[2]);
}
