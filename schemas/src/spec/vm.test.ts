import { describe, expect, it } from "vitest";
import { violations } from "./rule.ts";
import { commandLineLimit, deviceLimit, vmRules, VmSpec } from "./vm.ts";

const id = "11111111-1111-4111-8111-111111111111";
const many = <T>(count: number, value: T): Record<string, T> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, value]));
const wish = (changes: object) => VmSpec.parse({ name: "web-1", memory: "1GiB", ...changes });

describe("what is wanted of a VM", () => {
  it.each([
    ["disks", { size: "1GiB" }],
    ["nics", { network_id: id }],
  ])("has as many %s as its machine has addresses for, and no more", (kind, device) => {
    const found = (count: number) =>
      violations(vmRules, wish({ [kind]: many(count, device) })).map(({ path }) => path);
    expect(found(deviceLimit)).toEqual([]);
    expect(found(deviceLimit + 1)).toEqual([[kind]]);
  });

  it("has a command line that a kernel takes whole", () => {
    const of = (length: number) => ({ kernel: { image_id: id, command_line: "x".repeat(length) } });
    expect(() => wish(of(commandLineLimit))).not.toThrow();
    expect(() => wish(of(commandLineLimit + 1))).toThrow(`${commandLineLimit}`);
  });
});
