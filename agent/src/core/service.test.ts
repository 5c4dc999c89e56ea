import { kinds } from "@lodge/schemas/spec/kind.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "./testing/world.ts";
import { sentence } from "./words.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
  await world.furnish();
});
let release = () => {};
afterEach(async () => {
  release();
  await world.core.close();
});

/** Keeps disks from going, until the end of the test. */
function holdDeletion(): void {
  const held = Promise.withResolvers<void>();
  release = held.resolve;
  world.onStep = (name) => (name === "delete_disk" ? held.promise : undefined);
}

const ann = { name: "ann" };
const bob = { name: "bob" };
const disks = () => world.core.services.disk;
const spec = (members: object = {}) =>
  kinds.disk.spec.parse({ name: "data", size: "1GiB", ...members });
const id = (word: string) => world.id(word);
const refused = async (call: Promise<unknown>) =>
  call.then(
    () => "accepted",
    (error: { reason?: string }) => error.reason ?? "an error without a reason",
  );

describe("a put whose answer was lost", () => {
  test("of the same id is answered again", async () => {
    const first = await disks().put({ id: id("1"), spec: spec() }, ann);
    const again = await disks().put({ id: id("1"), spec: spec() }, ann);
    expect([again.id, again.specRevision]).toEqual([first.id, 1]);
    expect((await world.store.list("disk")).records).toHaveLength(1);
  });

  test("of an edit is answered again, and the edit is done once", async () => {
    await disks().put({ id: id("1"), spec: spec() }, ann);
    const edit = { id: id("1"), spec: spec({ size: "2GiB" }), expectedRevision: 1 };
    expect((await disks().put(edit, ann)).specRevision).toBe(2);
    expect((await disks().put(edit, ann)).specRevision).toBe(2);
  });

  // The creator, the spec, and whether somebody has claimed it decide: all three must fit.
  test.each([
    ["the same wish", {}, {}, true],
    ["another spec", {}, { size: "2GiB" }, false],
    ["another creator", { principal: bob }, {}, false],
    ["a claimed object", { claim: true }, {}, false],
    ["an object that is being deleted", { deleting: true }, {}, false],
  ] as const)("of a new id under the same name: %s", async (_, situation, members, adopted) => {
    await disks().put({ id: id("1"), spec: spec() }, ann);
    if ("claim" in situation) await disks().get({ id: id("1") }, true);
    if ("deleting" in situation) {
      holdDeletion();
      await disks().delete(id("1"));
    }
    const principal = "principal" in situation ? situation.principal : ann;
    const put = disks().put({ id: id("2"), spec: spec(members) }, principal);
    if (adopted) expect((await put).id).toBe(id("1"));
    else {
      await expect(put).rejects.toMatchObject({
        code: "ALREADY_EXISTS",
        reason: "NAME_TAKEN",
        kind: "disk",
        id: id("1"),
        objectName: "data",
      });
    }
    expect((await world.store.list("disk")).records).toHaveLength(1);
  });

  describe("by a client that says which run it is", () => {
    const by = (run: string, ...atWork: string[]) => ({
      ...ann,
      run,
      isAtWork: (other: string) => atWork.includes(other),
    });
    const put = (word: string, principal: object) =>
      disks().put({ id: id(word), spec: spec() }, principal as typeof ann);
    const message = async (call: Promise<unknown>) =>
      call.then(
        () => "accepted",
        (error: Error) => error.message,
      );

    test("is not given to another wish of the same run", async () => {
      await put("1", by("a"));
      expect(await message(put("2", by("a")))).toBe(
        `A disk named data was made by this very apply (id ${id("1")}): two resources have the same name.`,
      );
      expect((await put("1", by("a"))).id).toBe(id("1"));
    });

    test("is given to another run once the first is over, and to one wish of it", async () => {
      await put("1", by("a"));
      expect(await message(put("2", by("b", "a")))).toMatch(
        /is being made by another apply of ann/u,
      );
      expect((await put("2", by("b"))).id).toBe(id("1"));
      // Its answer was lost.
      expect((await put("2", by("b"))).id).toBe(id("1"));
      expect(await message(put("3", by("b")))).toMatch(/made by this very apply/u);
      expect(await message(put("3", by("c", "b")))).toMatch(/by another apply/u);
      expect((await world.store.list("disk")).records).toHaveLength(1);
    });

    test("is given to one that does not say so, as before", async () => {
      await put("1", by("a"));
      expect((await put("2", ann)).id).toBe(id("1"));
    });

    test("may be tried again while another run makes it", async () => {
      await put("1", by("a"));
      const [refusal, ...others] = await disks().validate(
        { id: id("2"), spec: spec() },
        by("b", "a"),
      );
      expect([refusal, others]).toMatchObject([{ reason: "NAME_TAKEN", retryable: true }, []]);
    });
  });

  test("a name that is taken says how to take the object over", async () => {
    await disks().put({ id: id("1"), spec: spec() }, ann);
    const error = await disks()
      .put({ id: id("2"), spec: spec() }, bob)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringContaining(
        `A disk named data exists already (id ${id("1")}, created by ann)`,
      ),
      remedy: expect.stringContaining(`terraform import lodge_disk.NAME ${id("1")}`),
      violations: [{ path: "spec.name" }],
    });
  });
});

describe("an edit", () => {
  beforeEach(() => disks().put({ id: id("1"), spec: spec() }, ann));

  test("needs the revision that it was made from", async () => {
    const edit = (expectedRevision?: number) =>
      disks().put(
        {
          id: id("1"),
          spec: spec({ size: "3GiB" }),
          ...(expectedRevision && { expectedRevision }),
        },
        ann,
      );
    expect(await refused(edit())).toBe("REVISION_MISMATCH");
    expect(await refused(edit(7))).toBe("REVISION_MISMATCH");
    expect(await refused(edit(1))).toBe("accepted");
  });

  test("of what is gone is not a creation", async () => {
    const edit = disks().put({ id: id("9"), spec: spec(), expectedRevision: 1 }, ann);
    await expect(edit).rejects.toMatchObject({ code: "NOT_FOUND", id: id("9") });
  });

  test("cannot change what is chosen at the beginning", async () => {
    const image_id = id("image debian");
    const edit = disks().put({ id: id("1"), spec: spec({ image_id }), expectedRevision: 1 }, ann);
    await expect(edit).rejects.toMatchObject({
      reason: "FIELD_IMMUTABLE",
      violations: [{ path: "spec.image_id" }],
    });
  });

  test("may give it a name that is free", async () => {
    await disks().put({ id: id("2"), spec: spec({ name: "other" }) }, ann);
    const rename = (name: string, expectedRevision: number) =>
      refused(disks().put({ id: id("1"), spec: spec({ name }), expectedRevision }, ann));
    expect(await rename("other", 1)).toBe("NAME_TAKEN");
    expect(await rename("free", 1)).toBe("accepted");
    expect((await disks().get({ name: "free" }, false)).id).toBe(id("1"));
    await expect(disks().get({ name: "data" }, false)).rejects.toMatchObject({
      reason: "NOT_FOUND",
      message: "No disk on the host rack1 has the name data.",
    });
  });
});

describe("a deletion", () => {
  beforeEach(() => disks().put({ id: id("1"), spec: spec() }, ann));

  test("is refused for what is protected, until that is off", async () => {
    const protect = (deletion_protection: boolean, expectedRevision: number) =>
      disks().put({ id: id("1"), spec: spec({ deletion_protection }), expectedRevision }, ann);
    await protect(true, 1);
    expect(await refused(disks().delete(id("1")))).toBe("DELETION_PROTECTED");
    await protect(false, 2);
    expect(await refused(disks().delete(id("1")))).toBe("accepted");
  });

  test("names who needs the object", async () => {
    await world.put("vm", world.vm("web", { disks: { data: { disk_id: id("1") } } }));
    await expect(disks().delete(id("1"))).rejects.toMatchObject({
      reason: "IN_USE",
      message: expect.stringContaining(`VM web (${id("vm web")})`),
    });
    for (const [kind, name] of [
      ["network", "lan"],
      ["address_pool", "lan"],
    ] as const) {
      expect(`${kind} ${await refused(world.delete(kind, name))}`).toBe(`${kind} IN_USE`);
    }
    expect(await refused(world.delete("image", "debian"))).toBe("accepted");
  });

  test("of a disk that belongs to a VM is the VM's", async () => {
    const { status } = await world.put("vm", world.vm("web"));
    const own = status.disk_status[0]!.disk_id;
    await expect(disks().delete(own)).rejects.toMatchObject({
      reason: "OWNED_BY_VM",
      id: id("vm web"),
    });
    const { spec, specRevision } = await disks().get({ id: own }, false);
    const edit = disks().put({ id: own, spec, expectedRevision: specRevision }, ann);
    expect(await refused(edit)).toBe("OWNED_BY_VM");
  });

  test("needs the revision, where one is given, and is the same the second time", async () => {
    expect(await refused(disks().delete(id("1"), 5))).toBe("REVISION_MISMATCH");
    holdDeletion();
    expect(await refused(disks().delete(id("1"), 1))).toBe("accepted");
    expect(await refused(disks().delete(id("1"), 1))).toBe("accepted");
    const edit = disks().put({ id: id("1"), spec: spec(), expectedRevision: 1 }, ann);
    expect(await refused(edit)).toBe("BEING_DELETED");
    const attach = world.put("vm", world.vm("web", { disks: { data: { disk_id: id("1") } } }));
    expect(await refused(attach)).toBe("BEING_DELETED");
    expect(await refused(disks().delete(id("none")))).toBe("NOT_FOUND");
  });
});

test("a claim is kept, and wakes nobody", async () => {
  await disks().put({ id: id("1"), spec: spec() }, ann);
  await world.quiet();
  const { sequence } = await disks().get({ id: id("1") }, true);
  expect((await disks().list([id("1"), id("none")])).records.map(({ claimed }) => claimed)).toEqual(
    [true],
  );
  await world.quiet();
  expect((await disks().get({ id: id("1") }, true)).sequence).toBe(sequence);
});

test("what validate tells is what put refuses", async () => {
  const request = { id: id("2"), spec: spec({ image_id: id("none") }) };
  const told = await disks().validate(request, ann);
  expect(told).toMatchObject([
    { reason: "REFERENCE_NOT_FOUND", path: ["image_id"], kind: "image", id: id("none") },
  ]);
  const error = await disks()
    .put(request, ann)
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    reason: told[0]!.reason,
    code: "FAILED_PRECONDITION",
    remedy: told[0]!.remedy,
    violations: [{ path: "spec.image_id", message: sentence(told[0]!.message) }],
  });
  expect(await world.store.get("disk", id("2"))).toBeUndefined();
});
