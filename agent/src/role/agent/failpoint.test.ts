import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { failpointHook } from "./failpoint.ts";

it("dies at the moment that it names, and at no other", async () => {
  const die = vi.fn<() => void>();
  const hook = failpointHook("start_machine:after:2", die)!;
  for (const [name, moment] of [
    ["start_machine", "before"],
    ["start_machine", "after"],
    ["plug_nic", "after"],
    ["start_machine", "before"],
  ] as const) {
    await hook(name, moment);
  }
  expect(die).not.toHaveBeenCalled();
  await hook("start_machine", "after");
  expect(die).toHaveBeenCalledOnce();
});

it("counts from the moment at which its file is there", async () => {
  const directory = mkdtempSync(join(tmpdir(), "lodge-failpoint-"));
  try {
    const path = join(directory, "failpoint");
    const die = vi.fn<() => void>();
    const hook = failpointHook(path, die)!;
    await hook("plug_nic", "before");
    writeFileSync(path, "plug_nic:before:2\n");
    await hook("plug_nic", "before");
    expect(die).not.toHaveBeenCalled();
    await hook("plug_nic", "before");
    expect(die).toHaveBeenCalledOnce();
    writeFileSync(path, "no_step:before");
    expect(() => failpointHook(path)!("plug_nic", "before")).toThrow("no_step");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it("is nothing where none is set", () => {
  expect(failpointHook(undefined)).toBeUndefined();
  expect(failpointHook("")).toBeUndefined();
});

it.each([
  "start",
  "start_machine",
  "start_machine:during",
  "start_machine:after:0",
  "no_step:before",
])("refuses %s, which would never come", (text) => {
  expect(() => failpointHook(text)).toThrow(text);
});
