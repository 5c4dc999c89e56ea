import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { changes } from "./changes.ts";
import { kinds } from "./kind.ts";
import { NetworkSpec } from "./network.ts";
import { VmSpec } from "./vm.ts";

const image = "0b5b2c64-95f6-4b3a-9d5f-0123456789ab";
const other = "0b5b2c64-95f6-4b3a-9d5f-0123456789ac";

const vm = (members: object = {}) =>
  VmSpec.parse({
    name: "web",
    memory: "1GiB",
    disks: { root: { image_id: image, size: "1GiB" } },
    nics: { eth0: { network_id: image } },
    ...members,
  });

const written = (from: object, to: object) =>
  changes(VmSpec, from, to).map(({ path, update }) => `${path.join(".")}: ${update}`);

describe("what a changed VM needs", () => {
  test.each([
    [{ name: "www" }, ["name: live"]],
    [{ cpus: 2 }, ["cpus: restart"]],
    [{ memory: "2GiB", shutdown_timeout: "5s" }, ["memory: restart", "shutdown_timeout: live"]],
    [{ kernel: { image_id: image } }, ["kernel: restart"]],
    [{ boot_order: ["root"] }, ["boot_order: restart"]],
    [{ disks: { root: { image_id: image, size: "2GiB" } } }, ["disks.root.size: live"]],
    [{ disks: { root: { image_id: other, size: "1GiB" } } }, ["disks.root.image_id: replace"]],
    [{ disks: {} }, ["disks.root: restart"]],
    [
      { disks: { root: { image_id: image, size: "1GiB" }, data: { size: "1GiB" } } },
      ["disks.data: restart"],
    ],
    [{ nics: { eth0: { network_id: other } } }, ["nics.eth0.network_id: restart"]],
    [{ nics: {} }, ["nics.eth0: restart"]],
    [{ primary_nic: "eth0" }, ["primary_nic: live"]],
    [{}, []],
  ])("%j", (members, expected) => {
    expect(written(vm(), vm(members))).toEqual(expected);
  });

  test("a kernel's own fields", () => {
    expect(
      written(
        vm({ kernel: { image_id: image } }),
        vm({ kernel: { image_id: other, command_line: "quiet" } }),
      ),
    ).toEqual(["kernel.image_id: restart", "kernel.command_line: restart"]);
  });
});

test("a subnet comes and goes alive, but never moves", () => {
  const network = (subnets: object) => NetworkSpec.parse({ name: "lan", subnets });
  const from = network({ a: { cidr: "10.0.0.0/24" } });
  expect(
    changes(NetworkSpec, from, network({ a: { cidr: "10.0.1.0/24" }, b: { cidr: "10.0.2.0/24" } })),
  ).toEqual([
    { path: ["subnets", "a", "cidr"], update: "replace" },
    { path: ["subnets", "b"], update: "live" },
  ]);
});

test("every field of every kind has a class", () => {
  for (const kind of Object.values(kinds)) {
    for (const [name, member] of Object.entries(kind.spec.shape)) {
      const found = changes(z.object({ [name]: member }), { [name]: 1 }, { [name]: 2 });
      expect(z.globalRegistry.get(member)?.update, `${kind.name}.${name}`).toBe(found[0]?.update);
    }
  }
});

test("nothing differs from itself, and what differs differs both ways", () => {
  const spec = fc
    .record({
      cpus: fc.integer({ min: 1, max: 4 }),
      data: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    })
    .map(({ cpus, data }) =>
      vm({ cpus, disks: data === undefined ? {} : { data: { size: `${data}GiB` } } }),
    );
  fc.assert(
    fc.property(spec, spec, (a, b) => {
      expect(changes(VmSpec, a, a)).toEqual([]);
      expect(changes(VmSpec, a, b)).toEqual(changes(VmSpec, b, a));
    }),
  );
});
