import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import type { Record } from "../record.ts";
import { createFakeStore } from "./store.fake.ts";

const record = (kind: "disk" | "vm", id: string): Record =>
  ({ kind, id, spec: { name: kind } }) as unknown as Record;

test("of objects that are gone no index keeps anything", async () => {
  const store = createFakeStore({ now: () => 0, historyLimit: 10 });
  const collections = (): number =>
    queryObjects(Map, { format: "count" }) + queryObjects(Set, { format: "count" });
  const rounds = async (from: number, to: number): Promise<void> => {
    for (let round = from; round < to; round++) {
      const [disk, vm] = [`disk ${round}`, `vm ${round}`];
      const name = { record: record("disk", disk), claims: [{ key: "name" }], references: [] };
      const user = {
        record: record("vm", vm),
        claims: [{ key: "address" }],
        references: [{ kind: "disk" as const, id: disk }],
      };
      await store.commit({ put: [name, user] });
      await store.commit({ delete: [{ kind: "vm", id: vm }] });
      await store.commit({ delete: [{ kind: "disk", id: disk }] });
    }
  };
  await rounds(0, 10);
  const before = collections();
  await rounds(10, 1010);
  // Anything that is kept of each round would be a thousand of them.
  expect(collections() - before).toBeLessThan(500);
});
