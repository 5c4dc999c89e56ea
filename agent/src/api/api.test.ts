import { create } from "@bufbuild/protobuf";
import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { VmService, VmSpecSchema } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { type ItemEvent } from "@lodge/schemas/kind-client.ts";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { World } from "../core/testing/world.ts";
import { silentLog } from "../lib/log.ts";
import { createApi } from "./api.ts";
import { permissions } from "./authorize.ts";
import { ServedWorld } from "./testing.ts";

let served: ServedWorld;
let world: World;
beforeEach(async () => {
  served = await ServedWorld.start();
  ({ world } = served);
});
afterEach(() => served[Symbol.asyncDispose]());

describe("objects over the wire", () => {
  test("put, get, list and delete", async () => {
    const put = await served.vms().put(served.wish("web"));
    expect(put).toMatchObject({
      host: "rack1",
      specRevision: 1,
      observedRevision: 0,
      spec: served.wish("web").spec,
      status: { phase: "pending", nic_status: [{ ipv4_address: "10.20.0.10" }] },
    });
    await world.quiet();
    const got = await served.vms().get({ name: "web" }, true);
    expect(got).toMatchObject({
      id: put.id,
      claimed: true,
      observedRevision: 1,
      status: { phase: "running", boots: 1, events: [{ type: "started" }] },
    });
    const [listed] = await served.vms().list([]);
    expect(listed).toMatchObject({ id: put.id, status: { phase: "running", events: [] } });
    await served.vms().delete(put.id);
    await world.quiet();
    await expect(served.vms().get({ id: put.id }, false)).rejects.toMatchObject({
      code: "NOT_FOUND",
      reason: "NOT_FOUND",
      kind: "vm",
      id: put.id,
    });
  });

  test("an edit names its revision, and what is refused names its fields", async () => {
    await served.vms().put(served.wish("web"));
    const edit = { ...served.wish("web", { cpus: 2 }), expectedRevision: 1 };
    expect((await served.vms().put(edit)).specRevision).toBe(2);
    await expect(
      served.vms().put({ ...served.wish("web", { cpus: 3 }), expectedRevision: 1 }),
    ).rejects.toMatchObject({
      code: "ABORTED",
      reason: "REVISION_MISMATCH",
    });
    const bad = { ...served.wish("big"), spec: { ...served.wish("big").spec, memory: 1, cpus: 0 } };
    await expect(served.vms().put(bad)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "SPEC_INVALID",
      violations: [{ path: "spec.cpus" }, { path: "spec.memory" }],
    });
    await expect(served.vms().put({ ...served.wish("web"), id: "web" })).rejects.toMatchObject({
      reason: "REQUEST_INVALID",
    });
  });

  test("validate tells all that put would refuse, also without an id, and writes nothing", async () => {
    const before = await world.store.list("vm");
    const tight = { cpus: 99, memory: "999GiB", nics: { eth0: { network_id: world.id("none") } } };
    expect(await served.vms("vic").validate({ ...served.wish("web", tight), id: "" })).toEqual([
      expect.objectContaining({ path: ["cpus"], reason: "CPUS_EXCEEDED" }),
      expect.objectContaining({ path: ["memory"], reason: "MEMORY_EXCEEDED" }),
      expect.objectContaining({
        path: ["nics", "eth0", "network_id"],
        reason: "REFERENCE_NOT_FOUND",
      }),
    ]);
    const wrong = { ...served.wish("web"), spec: { ...served.wish("web").spec, memory: 1 } };
    expect(await served.vms().validate(wrong)).toEqual([
      expect.objectContaining({ path: ["memory"], reason: "SPEC_INVALID" }),
    ]);
    expect(await served.vms().validate(served.wish("web"))).toEqual([]);
    expect(await world.store.list("vm")).toEqual(before);
  });

  test("a field that only a newer client knows is refused, not ignored", async () => {
    const message = create(VmSpecSchema, { name: "web", memory: 2n ** 30n });
    message.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    const client = createClient(VmService, served.transport());
    await expect(client.put({ id: world.id("vm web"), spec: message })).rejects.toMatchObject({
      reason: "SPEC_INVALID",
      message: expect.stringContaining("field 99"),
    });
  });

  test("a watch tells the state, then changes, and resumes behind any of them", async () => {
    await served.vms().put(served.wish("web"));
    await world.quiet();
    const seen: ItemEvent<"vm">[] = [];
    const controller = new AbortController();
    for await (const event of served.vms().watch({}, { signal: controller.signal })) {
      seen.push(event);
      if (event.type === "synced") await served.vms().delete(world.id("vm web"));
      if (event.type === "delete") break;
    }
    const types = seen.map(({ type }) => type);
    expect(types.slice(0, 3)).toEqual(["put", "synced", "put"]);
    expect(types.at(-1)).toBe("delete");
    const resumed: string[] = [];
    for await (const event of served.vms("vic").watch({ since: seen[1]!.sequence })) {
      resumed.push(event.type);
      if (event.type === "synced") break;
    }
    expect(resumed).toEqual(["delete", "synced"]);
    const lost = served.vms().watch({ since: 1e9 })[Symbol.asyncIterator]().next();
    await expect(lost).rejects.toMatchObject({ code: "OUT_OF_RANGE", reason: "HISTORY_LOST" });
  });

  test("a watch of one object is not told of others", async () => {
    await served.vms().put(served.wish("a"));
    const controller = new AbortController();
    const ids = new Set<string>();
    for await (const event of served
      .vms()
      .watch({ id: world.id("vm b") }, { signal: controller.signal })) {
      if (event.type === "synced") await served.vms().put(served.wish("b"));
      if (event.type !== "put") continue;
      ids.add(event.item.id);
      if (event.item.status.phase === "running") break;
    }
    expect([...ids]).toEqual([world.id("vm b")]);
  });
});

describe("who may do what", () => {
  test("every method of every service is in the table", () => {
    const { services } = createApi({ core: world.core, log: silentLog });
    const methods = services.flatMap(({ service, implementation }) =>
      service.methods.map((method) => {
        expect(implementation[method.localName]).toBeTypeOf("function");
        return `${service.typeName}/${method.name}`;
      }),
    );
    const listed = Object.entries(permissions).flatMap(([service, table]) =>
      Object.keys(table).map((method) => `${service}/${method}`),
    );
    expect(methods.toSorted()).toEqual(listed.toSorted());
  });

  test("a viewer looks, and changes nothing, a claim included", async () => {
    const { id } = await served.vms().put(served.wish("web"));
    expect((await served.vms("vic").get({ id }, true)).claimed).toBe(false);
    await served.vms("vic").list([id]);
    expect((await served.vms().get({ id }, false)).claimed).toBe(false);
    const denied = { code: "PERMISSION_DENIED", reason: "NOT_ALLOWED" };
    await expect(served.vms("vic").put(served.wish("b"))).rejects.toMatchObject(denied);
    await expect(served.vms("vic").delete(id)).rejects.toMatchObject(denied);
  });

  test("a certificate without a role is refused everything", async () => {
    await expect(served.vms("eve").list([])).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringContaining("eve"),
    });
  });

  test("the creator is the certificate's user", async () => {
    await served.vms().put(served.wish("web"));
    expect((await world.get("vm", "web"))!.creator).toBe("ann");
  });
});

describe("the log of what clients did", () => {
  test("names who changed what, without what it is to be", async () => {
    const secret = {
      ...served.wish("web"),
      spec: { ...served.wish("web").spec, user_data: "password" },
    };
    const { id } = await served.vms().put(secret);
    await served.vms("vic").get({ id }, false);
    await served
      .vms("vic")
      .delete(id)
      .catch(() => {});
    await served.vms().delete(id);
    const of = { principal: "ann", kind: "vm", id };
    expect(served.noted).toEqual([
      { ...of, method: "Put" },
      { ...of, method: "Delete" },
    ]);
  });

  test("names who reached into a guest, and who uploads", async () => {
    const { id } = await served.vms().put(served.wish("web"));
    await world.quiet();
    const client = createClient(VmService, served.transport());
    const open = async function* <T>(value: T) {
      yield { part: { case: "open" as const, value } };
    };
    const { status } = await client.get({ key: { case: "id", value: id } });
    const restart = { id, bootId: status!.bootId!, force: true };
    const { boots } = (await client.restart(restart)).status!;
    expect(boots).toBe(1);
    await world.quiet();
    for await (const _ of client.console(open({ vmId: id, historyOnly: true })));
    const forward = client.forward(open({ vmId: id, port: 80 }))[Symbol.asyncIterator]();
    await forward.next().catch(() => {});
    await forward.return?.();
    const upload = createClient(ImageService, served.transport()).upload(
      (async function* () {
        const put = { id: world.id("image up"), spec: { name: "up", sha256: "0".repeat(64) } };
        yield { part: { case: "start" as const, value: { put, sizeBytes: 0n } } };
      })(),
    );
    await expect(upload).rejects.toMatchObject({ reason: "DIGEST_MISMATCH" });
    const of = { principal: "ann", kind: "vm", id };
    expect(served.noted.slice(1)).toEqual([
      { ...of, method: "Restart" },
      { ...of, method: "Console" },
      { ...of, method: "Forward" },
      { ...of, method: "Upload", kind: "image", id: world.id("image up") },
    ]);
  });
});

test("a restart names the boot that is to end", async () => {
  const { id } = await served.vms().put(served.wish("web"));
  await world.quiet();
  const client = createClient(VmService, served.transport());
  await expect(client.restart({ id, force: true })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "REQUEST_INVALID",
    message: "A restart names no boot that is to end.",
  });
  await world.quiet();
  expect((await world.get("vm", "web"))!.status.boots).toBe(1);
});

test("the host says what it is and what it has promised", async () => {
  await served.vms().put(served.wish("web"));
  const host = await createClient(HostService, served.transport("vic")).get({
    clientVersion: "0.1.0",
  });
  expect(host).toMatchObject({
    name: "rack1",
    apiVersion: 2,
    accelerator: "tcg",
    cpus: 4,
    memoryBytes: 2n ** 34n,
    memoryCommittedBytes: 2n ** 27n,
    imageRoots: ["/images"],
    capabilities: [
      { name: "kvm", available: false },
      { name: "uefi", available: true },
    ],
  });
});
