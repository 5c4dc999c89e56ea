import { totalmem } from "node:os";
import { expect, it } from "vitest";
import { usableMemory } from "./memory-limit.ts";

const GiB = 2 ** 30;

function usable(groups: string, files: Readonly<Record<string, string>>): number {
  return usableMemory({ total: 16 * GiB, groups, read: (path) => files[path] });
}

it("is the machine's memory where no group limits it", () => {
  expect(usable("", {})).toBe(16 * GiB);
  expect(usable("0::/user.slice\n", { "user.slice/memory.max": "max\n" })).toBe(16 * GiB);
  const unlimited = { "memory/a/memory.limit_in_bytes": "9223372036854771712\n" };
  expect(usable("4:memory:/a\n0::/\n", unlimited)).toBe(16 * GiB);
});

it("is the least that the group, or one that it is in, allows", () => {
  const files = {
    "/system.slice/lodge.service/memory.max": `${8 * GiB}\n`,
    "/system.slice/memory.max": `${4 * GiB}\n`,
  };
  expect(usable("0::/system.slice/lodge.service\n", files)).toBe(4 * GiB);
  expect(usable("0::/\n", { "/memory.max": `${3 * GiB}\n` })).toBe(3 * GiB);
});

it("knows the first version of groups, also where it shares a machine with the second", () => {
  const files = {
    "memory/a/b/memory.limit_in_bytes": "9223372036854771712\n",
    "memory/a/memory.limit_in_bytes": `${2 * GiB}\n`,
    "unified/c/memory.max": `${3 * GiB}\n`,
  };
  expect(usable("9:name=systemd:/x\n4:cpu,memory:/a/b\n0::/c\n", files)).toBe(2 * GiB);
  // A container that sees its own group as the root has a path that is the host's.
  const container = { "memory/memory.limit_in_bytes": `${GiB}\n` };
  expect(usable("4:memory:/docker/0123\n", container)).toBe(GiB);
});

it("is never more than this machine has", () => {
  expect(usableMemory()).toBeGreaterThan(0);
  expect(usableMemory()).toBeLessThanOrEqual(totalmem());
});
