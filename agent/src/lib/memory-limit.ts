import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { dirname, join } from "node:path";

/** Where the kernel tells of the machine's memory and of the process's control groups; for tests. */
export interface MemoryWorld {
  /** Bytes that the machine has. */
  readonly total: number;
  /** The text of `/proc/self/cgroup`. */
  readonly groups: string;
  /** The text of a file under `/sys/fs/cgroup`; undefined where there is none. */
  readonly read: (path: string) => string | undefined;
}

/** Bytes of memory that this process and what it starts may use: the machine's, or less where a control group says so. */
export function usableMemory(world: MemoryWorld = thisMachine()): number {
  const limits = world.groups.split("\n").flatMap((line) => {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) return [];
    if (controllers === "") {
      // A machine that has both versions keeps the second one aside.
      return ["", "unified"].flatMap((root) => limitsOf(world, root, path, "memory.max"));
    }
    if (!controllers!.split(",").includes("memory")) return [];
    return limitsOf(world, "memory", path, "memory.limit_in_bytes");
  });
  return Math.min(world.total, ...limits);
}

/** Those of a group and of all groups that it is in: each of them holds. */
function limitsOf(world: MemoryWorld, root: string, path: string, file: string): number[] {
  const text = world.read(join(root, path, file))?.trim() ?? "";
  const own = /^\d+$/.test(text) ? [Number(text)] : [];
  return path === "/" ? own : [...own, ...limitsOf(world, root, dirname(path), file)];
}

function thisMachine(): MemoryWorld {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      // Without control groups nothing is limited by them.
      return undefined;
    }
  };
  return {
    total: totalmem(),
    groups: read("/proc/self/cgroup") ?? "",
    read: (path) => read(join("/sys/fs/cgroup", path)),
  };
}
