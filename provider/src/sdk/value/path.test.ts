import { expect, test } from "vitest";
import { comparePaths, formatPath } from "./path.ts";

test("formatPath writes a path as Terraform does", () => {
  expect(formatPath([])).toBe("");
  expect(formatPath(["disks", "root", "size"])).toBe("disks.root.size");
  expect(formatPath(["rules", 0, "port"])).toBe("rules[0].port");
  expect(formatPath(["tags", 'a "b".c'])).toBe('tags["a \\"b\\".c"]');
});

test("comparePaths orders numbers by size and parents before their members", () => {
  const sorted = [["b"], ["a", 10], ["a", 2, "x"], ["a"], ["a", "k"], ["a", 2]].toSorted(
    comparePaths,
  );
  expect(sorted).toEqual([["a"], ["a", 2], ["a", 2, "x"], ["a", 10], ["a", "k"], ["b"]]);
});
