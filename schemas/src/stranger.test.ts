import { expect, test } from "vitest";
import { VmSpecSchema } from "./gen/lodge/agent/v1/vm_pb.ts";
import { lodgeError } from "./rpc/error.ts";
import { nameFields, withFieldNames } from "./stranger.ts";

test.each([
  ["Field 4 of lodge.agent.v1.VmSpec is not known", "`power_state` is not known"],
  [
    "field 3 of lodge.agent.v1.VmDisk and field 2 of lodge.agent.v1.VmNic",
    "`size` and `ipv4_pool_id`",
  ],
  ["field 99 of lodge.agent.v1.VmSpec", "field 99 of lodge.agent.v1.VmSpec"],
  ["field 1 of lodge.agent.v1.Other", "field 1 of lodge.agent.v1.Other"],
])("what is called by its number gets its name, where it has one: %s", (text, named) => {
  expect(nameFields(VmSpecSchema, text)).toBe(named);
});

test("an error keeps everything else", () => {
  const details = { kind: "vm", id: "i", name: "web", remedy: "Upgrade it.", retryable: true };
  const message = "field 4 of lodge.agent.v1.VmSpec";
  const violations = [{ path: "spec", message }];
  const error = lodgeError("SPEC_INVALID", message, { ...details, violations });
  expect(withFieldNames(VmSpecSchema, error)).toEqual(
    lodgeError("SPEC_INVALID", "`power_state`", {
      ...details,
      violations: [{ path: "spec", message: "`power_state`" }],
      cause: error,
    }),
  );
  const other = lodgeError("NAME_TAKEN", message);
  expect(withFieldNames(VmSpecSchema, other)).toBe(other);
});
