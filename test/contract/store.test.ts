/** The same cases on the store in memory and on the one in a database. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createFakeStore } from "../../agent/src/core/port/store.fake.ts";
import type { Change, Claim, Entry, Store } from "../../agent/src/core/port/store.ts";
import type { Reference } from "../../agent/src/core/record.ts";
import { openSqliteStore } from "../../agent/src/driver/store/sqlite-store.ts";

let now = 1000;

const stores = {
  fake: (historyLimit?: number) =>
    createFakeStore({ now: () => now, ...(historyLimit !== undefined && { historyLimit }) }),
  sqlite: (historyLimit?: number) =>
    openSqliteStore({
      path: join(directory, "store.db"),
      now: () => now,
      ...(historyLimit !== undefined && { historyLimit }),
    }),
};

let directory: string;

beforeEach(() => {
  now = 1000;
  directory = mkdtempSync(join(tmpdir(), "lodge-store-"));
});

afterEach(() => rmSync(directory, { recursive: true }));

/** A pool's record, since a pool's is the smallest. */
function entry(
  id: string,
  {
    claims = [],
    references = [],
    name = id,
  }: { claims?: Claim[]; references?: Reference[]; name?: string } = {},
): Entry {
  return {
    record: {
      kind: "address_pool",
      id,
      creator: "ann",
      claimed: false,
      createdAt: 1,
      specRevision: 1,
      observedRevision: 0,
      spec: { name, network_id: "n", subnet: "main", ranges: ["10.0.0.1"], cooldown: 0 },
      status: { phase: "pending", message: "", size: 1, used: 0, cooling: 0 },
      internal: {},
    },
    claims: [{ key: `name:address_pool:${name}` }, ...claims],
    references,
  };
}

const pool = (id: string): Reference => ({ kind: "address_pool", id });

const failure = async (promise: Promise<unknown>): Promise<LodgeError> => {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(LodgeError);
  return error as LodgeError;
};

/** Reads a watch until it is in step. */
async function synced(store: Store, since: number): Promise<Change[]> {
  const seen: Change[] = [];
  for await (const change of store.watch("address_pool", since, new AbortController().signal)) {
    seen.push(change);
    if (change.type === "synced") break;
  }
  return seen;
}

const brief = (change: Change): string => {
  if (change.type === "put") return `put ${change.record.id} ${change.sequence}`;
  if (change.type === "delete") return `delete ${change.reference.id} ${change.sequence}`;
  return `synced ${change.sequence}`;
};

describe.each(Object.entries(stores))("the %s store", (_, open) => {
  let store: Store;
  beforeEach(() => {
    store = open();
  });
  afterEach(() => store.close());

  test("keeps what was put, by id and by name", async () => {
    expect(await store.commit({ put: [entry("a", { name: "lan" })] })).toBe(1);
    const record = await store.get("address_pool", "a");
    expect(record).toEqual({ ...entry("a", { name: "lan" }).record, sequence: 1 });
    expect(await store.find("address_pool", "lan")).toEqual(record);
    expect(await store.list("address_pool")).toEqual({ records: [record], sequence: 1 });
    expect(await store.get("vm", "a")).toBeUndefined();
    expect(await store.find("vm", "lan")).toBeUndefined();
  });

  test("commits all or nothing where an expectation fails", async () => {
    await store.commit({ put: [entry("a")] });
    const stale = await failure(
      store.commit({ expect: [{ ...pool("a"), sequence: 7 }], put: [entry("b")] }),
    );
    expect(stale).toMatchObject({ code: "ABORTED", kind: "address_pool", id: "a" });
    const exists = await failure(
      store.commit({ expect: [{ ...pool("a"), sequence: 0 }], delete: [pool("a")] }),
    );
    expect(exists.code).toBe("ABORTED");
    expect((await store.list("address_pool")).records.map(({ id }) => id)).toEqual(["a"]);
    await store.commit({
      expect: [
        { ...pool("a"), sequence: 1 },
        { ...pool("b"), sequence: 0 },
      ],
      put: [entry("b")],
    });
    expect((await store.list("address_pool")).records).toHaveLength(2);
  });

  test("gives a claim to one at a time and names its holder", async () => {
    await store.commit({ put: [entry("a", { claims: [{ key: "mac:1" }] })] });
    const error = await failure(
      store.commit({ put: [entry("b", { claims: [{ key: "mac:1" }] })] }),
    );
    expect(error).toMatchObject({
      code: "ALREADY_EXISTS",
      reason: "CLAIM_HELD",
      ...pool("a"),
      objectName: "mac:1",
    });
    expect(await store.get("address_pool", "b")).toBeUndefined();
    await store.commit({ put: [entry("a")] });
    await store.commit({ put: [entry("b", { claims: [{ key: "mac:1" }] })] });
    expect(await store.claims("mac:")).toEqual([{ key: "mac:1", holder: pool("b") }]);
  });

  test("two records of one commit cannot take the same claim, but one can take what the other gives up", async () => {
    const both = [
      entry("a", { claims: [{ key: "mac:1" }] }),
      entry("b", { claims: [{ key: "mac:1" }] }),
    ];
    expect((await failure(store.commit({ put: both }))).reason).toBe("CLAIM_HELD");
    await store.commit({ put: [both[0]!] });
    await store.commit({ put: [entry("a"), both[1]!] });
    expect(await store.claims("mac:")).toEqual([{ key: "mac:1", holder: pool("b") }]);
  });

  test("a released claim cools down for all but its last holder", async () => {
    const claims = [{ key: "ipv4:n/1", cooldown: 500 }];
    await store.commit({ put: [entry("a", { claims })] });
    await store.commit({ delete: [pool("a")] });
    expect(await store.claims("ipv4:")).toEqual([{ key: "ipv4:n/1", freeAt: 1500 }]);
    now = 1499;
    expect((await failure(store.commit({ put: [entry("b", { claims })] }))).reason).toBe(
      "CLAIM_HELD",
    );
    await store.commit({ put: [entry("a", { claims })] });
    expect(await store.claims("ipv4:")).toEqual([{ key: "ipv4:n/1", holder: pool("a") }]);
    await store.commit({ put: [entry("a")] });
    now = 1999;
    expect(await store.claims("ipv4:")).toEqual([]);
    await store.commit({ put: [entry("b", { claims })] });
    expect(await store.claims("ipv4:")).toEqual([{ key: "ipv4:n/1", holder: pool("b") }]);
  });

  test("a claim cools down for no longer than its cooldown, also where the clock is set back", async () => {
    const claims = [{ key: "ipv4:n/1", cooldown: 500 }];
    const other = entry("b", { claims });
    now = 1_000_000;
    await store.commit({ put: [entry("a", { claims })] });
    await store.commit({ delete: [pool("a")] });
    now = 999_999;
    expect(await store.claims("ipv4:")).toEqual([]);
    await store.commit({ put: [other] });
    expect(await store.claims("ipv4:")).toEqual([{ key: "ipv4:n/1", holder: pool("b") }]);
  });

  test("the cooldown is the one that the last put gave", async () => {
    await store.commit({ put: [entry("a", { claims: [{ key: "ipv4:n/1", cooldown: 500 }] })] });
    await store.commit({ put: [entry("a", { claims: [{ key: "ipv4:n/1", cooldown: 0 }] })] });
    await store.commit({ delete: [pool("a")] });
    expect(await store.claims("ipv4:")).toEqual([]);
  });

  test("what is needed cannot go, and what is not there cannot be needed", async () => {
    const missing = await failure(store.commit({ put: [entry("b", { references: [pool("a")] })] }));
    expect(missing).toMatchObject({ code: "NOT_FOUND", ...pool("a") });
    await store.commit({ put: [entry("a"), entry("b", { references: [pool("a"), pool("a")] })] });
    expect(await store.users(pool("a"))).toEqual([pool("b")]);
    const used = await failure(store.commit({ delete: [pool("a")] }));
    expect(used).toMatchObject({ code: "FAILED_PRECONDITION", reason: "IN_USE" });
    expect(used.message).toContain("address_pool/b");
    const gone = await failure(
      store.commit({ delete: [pool("a")], put: [entry("c", { references: [pool("a")] })] }),
    );
    expect(gone.code).toBe("NOT_FOUND");
    await store.commit({ delete: [pool("a"), pool("b")] });
    expect((await store.list("address_pool")).records).toEqual([]);
    expect(await store.users(pool("a"))).toEqual([]);
  });

  test("a put that no longer needs an object lets it go in the same commit", async () => {
    await store.commit({ put: [entry("a"), entry("b", { references: [pool("a")] })] });
    await store.commit({ put: [entry("b")], delete: [pool("a")] });
    expect(await store.users(pool("a"))).toEqual([]);
  });

  test("deleting what is not there is no change", async () => {
    await store.commit({ put: [entry("a")] });
    await store.commit({ delete: [pool("z")] });
    expect((await synced(store, 1)).map(brief)).toEqual(["synced 2"]);
  });

  test("a watch tells the full state, then every change", async () => {
    await store.commit({ put: [entry("a"), entry("b")] });
    await store.commit({ put: [entry("c")] });
    const controller = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const change of store.watch("address_pool", 0, controller.signal)) {
        seen.push(brief(change));
        if (change.type === "synced") await store.commit({ put: [entry("a")] });
        else if (change.sequence === 3) await store.commit({ delete: [pool("b")] });
        else if (change.type === "delete") controller.abort();
      }
    })();
    await watching;
    // Behind the first of two changes of one commit, a resumed watch tells both.
    expect(seen).toEqual(["put a 0", "put b 1", "put c 2", "synced 2", "put a 3", "delete b 4"]);
  });

  test("a watch resumes where it was, each object once as it is now", async () => {
    await store.commit({ put: [entry("a")] });
    await store.commit({ put: [entry("b")] });
    await store.commit({ put: [entry("c")] });
    await store.commit({ put: [entry("a")] });
    await store.commit({ delete: [pool("c")] });
    await store.commit({ delete: [pool("b")] });
    await store.commit({ put: [entry("b")] });
    expect((await synced(store, 2)).map(brief)).toEqual([
      "put a 4",
      "delete c 5",
      "put b 7",
      "synced 7",
    ]);
    expect((await synced(store, 7)).map(brief)).toEqual(["synced 7"]);
  });

  test("a watch of one kind is not told of others", async () => {
    await store.commit({ put: [entry("a")] });
    const controller = new AbortController();
    for await (const change of store.watch("vm", 0, controller.signal)) {
      expect(change).toEqual({ type: "synced", sequence: 1 });
      break;
    }
  });

  test("an aborted watch ends", async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    for await (const change of store.watch("address_pool", 0, controller.signal)) {
      seen.push(change.type);
      setImmediate(() => controller.abort());
    }
    expect(seen).toEqual(["synced"]);
  });

  test("a reader that is slow holds up nobody and sees the newest", async () => {
    await store.commit({ put: [entry("a")] });
    const controller = new AbortController();
    const slow = store.watch("address_pool", 1, controller.signal)[Symbol.asyncIterator]();
    expect((await slow.next()).value).toEqual({ type: "synced", sequence: 1 });
    for (let i = 0; i < 10_000; i++) await store.commit({ put: [entry(i % 2 ? "a" : "b")] });
    expect(brief((await slow.next()).value as Change)).toBe("put b 10000");
    expect(brief((await slow.next()).value as Change)).toBe("put a 10001");
    controller.abort();
    expect((await slow.next()).done).toBe(true);
  });
});

describe.each(Object.entries(stores))("the history of the %s store", (_, open) => {
  test("forgets the oldest deletions, and says so to whoever would miss them", async () => {
    await using cleanup = new AsyncDisposableStack();
    const store = open(2);
    cleanup.defer(() => store.close());
    for (const id of ["a", "b", "c"]) await store.commit({ put: [entry(id)] });
    for (const id of ["a", "b", "c"]) await store.commit({ delete: [pool(id)] });
    expect((await synced(store, 4)).map(brief)).toEqual(["delete b 5", "delete c 6", "synced 6"]);
    const lost = await failure(synced(store, 3));
    expect(lost).toMatchObject({ code: "OUT_OF_RANGE", reason: "HISTORY_LOST" });
    expect((await failure(synced(store, 99))).reason).toBe("HISTORY_LOST");
  });
});

describe("the database", () => {
  test("has everything when it is opened again", async () => {
    const first = stores.sqlite();
    const claims = [{ key: "ipv4:n/1", cooldown: 500 }];
    await first.commit({
      put: [entry("a", { name: "lan", claims }), entry("b", { references: [pool("a")] })],
    });
    await first.commit({
      put: [entry("c"), entry("d", { claims: [{ key: "ipv4:n/2", cooldown: 9 }] })],
    });
    await first.commit({ delete: [pool("c"), pool("d")] });
    const before = await first.list("address_pool");
    await first.close();
    const second = stores.sqlite();
    expect(await second.list("address_pool")).toEqual(before);
    expect((await second.find("address_pool", "lan"))?.id).toBe("a");
    expect(await second.users(pool("a"))).toEqual([pool("b")]);
    expect(await second.claims("ipv4:")).toEqual([
      { key: "ipv4:n/1", holder: pool("a") },
      { key: "ipv4:n/2", freeAt: 1009 },
    ]);
    expect((await synced(second, 2)).map(brief)).toEqual(["delete c 2", "delete d 3", "synced 3"]);
    expect(await second.commit({ put: [entry("e")] })).toBe(4);
    await second.close();
  });
});
