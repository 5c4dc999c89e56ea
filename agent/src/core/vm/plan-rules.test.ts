import { expect, test } from "vitest";
import { nextPhases } from "./phase.ts";
import {
  alive,
  boot,
  machine,
  now,
  own,
  plan,
  started,
  type Case,
} from "../testing/vm-situation.ts";

test("a wish is applied in full when nothing is left to do, also where a change waits for a boot", () => {
  const observed = (situation: Case) => plan(situation).draft.observedRevision;
  expect(observed({})).toBe(0);
  expect(observed({ internal: { boot: boot(own) }, view: alive })).toBe(1);
  expect(observed({ spec: { cpus: 2 }, internal: { boot: started(own) }, view: alive })).toBe(0);
  const deferred = { spec: { cpus: 2 }, internal: { boot: started(own) } };
  expect(observed({ ...deferred, view: { ...alive, rebootAction: "shutdown" } })).toBe(1);
  expect(observed({ internal: { boot: started(own) }, view: alive, disk: { size_bytes: 1 } })).toBe(
    0,
  );
  expect(observed({ spec: { power_state: "stopped" } })).toBe(1);
});

test("failures rest twice as long each time, and a guest that ran for a while was none", () => {
  const retry = (count: number, ranFor: number) => {
    const failures = { count, retryAt: 0, reason: "QEMU_EXITED", message: "" };
    const dead = machine({ state: "exited" });
    const { draft } = plan({
      internal: { failures, boot: started({ startedAt: now - ranFor }) },
      view: { ...alive, machine: dead },
    });
    return draft.internal.failures!.retryAt - now;
  };
  expect([0, 1, 2, 8, 9, 50].map((count) => retry(count, 0))).toEqual([
    1000, 2000, 4000, 256_000, 300_000, 300_000,
  ]);
  expect(retry(9, 60_000)).toBe(1000);
});

test("another cause for a stop does not give the guest more time", () => {
  const stopping = { since: now - 7000, cause: "power_state" as const };
  const { draft } = plan({
    record: { deletedAt: now },
    internal: { boot: started(own), stopping },
    view: alive,
  });
  expect(draft.internal.stopping).toEqual({ since: now - 7000, cause: "delete" });
});

test.each([
  [undefined, "somebody paused it through its debug monitor"],
  ["suspended", "QEMU calls it suspended"],
])("a guest that stands still is told of with QEMU's word for it: %s", (detail, why) => {
  const stands = machine({ state: "paused", ...(detail !== undefined && { detail }) });
  const { draft } = plan({
    internal: { boot: started({ disks: {} }) },
    view: { ...alive, machine: stands },
  });
  expect(draft.status.message).toBe(`The guest's processors stand still: ${why}.`);
  expect(draft.status.events.at(-1)?.message).toBe(
    `the guest was paused: ${detail ?? "by somebody"}`,
  );
});

test("only the newest fifty events are kept", () => {
  const events = Array.from({ length: 50 }, (_, time) => ({ time, type: "old", message: "" }));
  const status = { ...plan({}).draft.status, events };
  const { draft } = plan({ record: { status }, internal: { boot: boot(own) }, view: alive });
  expect(draft.status.events).toHaveLength(50);
  expect(draft.status.events.at(-1)).toMatchObject({
    type: "started",
    message: expect.stringContaining("4000 ms after it was asked for"),
  });
});

test("disks of a boot that the wish has no longer go with it", () => {
  const dead = { ...alive, machine: machine({ state: "shutdown" as const }) };
  const { dropDisks } = plan({
    spec: { disks: {} },
    internal: { boot: started(), disks: {} },
    view: dead,
  });
  expect(dropDisks).toEqual(["root-id"]);
});

test("every phase that is not the end can be left, and the end cannot", () => {
  for (const [phase, next] of Object.entries(nextPhases)) {
    expect([phase, next.length > 0]).toEqual([phase, phase !== "deleting"]);
    expect(next).not.toContain("pending");
  }
});
