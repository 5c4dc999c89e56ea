import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { HostService } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { VmService, VmSpecSchema } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { createKindClient, type ItemEvent } from "@lodge/schemas/kind-client.ts";
import { connect, createClient, type Transport } from "@lodge/schemas/rpc/client.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import { kinds } from "@lodge/schemas/spec/kind.ts";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { World } from "../core/testing/world.ts";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  type KeyPair,
} from "../lib/pki.ts";
import { silentLog, type LogFields } from "../lib/log.ts";
import { createApi } from "./api.ts";
import { permissions } from "./authorize.ts";

let authority: KeyPair;
let own: KeyPair;
const users = new Map<string, KeyPair>();

beforeAll(async () => {
  authority = await createAuthority("test");
  own = await issueServerCertificate(authority, { host: "rack1" });
  for (const [user, role] of [
    ["ann", "admin"],
    ["vic", "viewer"],
    ["eve", "intruder"],
  ] as const) {
    users.set(user, await issueClientCertificate(authority, { user, role: role as "admin" }));
  }
});

let world: World;
let cleanup: AsyncDisposableStack;
let transports: Map<string, Transport>;
/** What was logged as information. */
let noted: LogFields[];

beforeEach(async () => {
  cleanup = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), "lodge-api-"));
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  world = new World();
  await world.begin();
  cleanup.defer(() => world.core.close());
  await world.furnish();
  noted = [];
  const log = { ...silentLog, info: (fields: LogFields) => void noted.push(fields) };
  const server = createServer({ ...createApi({ core: world.core, log }) });
  cleanup.defer(() => server.close(0));
  const address = await server.listen(`unix:${join(directory, "s.sock")}`, {
    ca: authority.certificate,
    ...own,
  });
  transports = new Map(
    [...users].map(([user, identity]) => [
      user,
      connect({
        address,
        security: { ca: authority.certificate, ...identity, serverName: "rack1" },
      }),
    ]),
  );
  cleanup.defer(() => transports.forEach((transport) => transport.close()));
});
afterEach(() => cleanup.disposeAsync());
afterAll(() => users.clear());

const transport = (user = "ann") => transports.get(user)!;
const vms = (user = "ann") => createKindClient("vm", transport(user));
const spec = (name: string, members = {}) => kinds.vm.spec.parse(world.vm(name, members));
const wish = (name: string, members = {}) => ({
  id: world.id(`vm ${name}`),
  spec: spec(name, members),
});

describe("objects over the wire", () => {
  test("put, get, list and delete", async () => {
    const put = await vms().put(wish("web"));
    expect(put).toMatchObject({
      host: "rack1",
      specRevision: 1,
      observedRevision: 0,
      spec: spec("web"),
      status: { phase: "pending", nic_status: [{ ipv4_address: "10.20.0.10" }] },
    });
    await world.quiet();
    const got = await vms().get({ name: "web" }, true);
    expect(got).toMatchObject({
      id: put.id,
      claimed: true,
      observedRevision: 1,
      status: { phase: "running", boots: 1, events: [{ type: "started" }] },
    });
    const [listed] = await vms().list([]);
    expect(listed).toMatchObject({ id: put.id, status: { phase: "running", events: [] } });
    await vms().delete(put.id);
    await world.quiet();
    await expect(vms().get({ id: put.id }, false)).rejects.toMatchObject({
      code: "NOT_FOUND",
      reason: "NOT_FOUND",
      kind: "vm",
      id: put.id,
    });
  });

  test("an edit names its revision, and what is refused names its fields", async () => {
    await vms().put(wish("web"));
    const edit = { ...wish("web", { cpus: 2 }), expectedRevision: 1 };
    expect((await vms().put(edit)).specRevision).toBe(2);
    await expect(
      vms().put({ ...wish("web", { cpus: 3 }), expectedRevision: 1 }),
    ).rejects.toMatchObject({
      code: "ABORTED",
      reason: "REVISION_MISMATCH",
    });
    const bad = { ...wish("big"), spec: { ...spec("big"), memory: 1, cpus: 0 } };
    await expect(vms().put(bad)).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "SPEC_INVALID",
      violations: [{ path: "spec.cpus" }, { path: "spec.memory" }],
    });
    await expect(vms().put({ ...wish("web"), id: "web" })).rejects.toMatchObject({
      reason: "REQUEST_INVALID",
    });
  });

  test("validate tells all that put would refuse, also without an id, and writes nothing", async () => {
    const before = await world.store.list("vm");
    const tight = { cpus: 99, memory: "999GiB", nics: { eth0: { network_id: world.id("none") } } };
    expect(await vms("vic").validate({ ...wish("web", tight), id: "" })).toEqual([
      expect.objectContaining({ path: ["cpus"], reason: "CPUS_EXCEEDED" }),
      expect.objectContaining({ path: ["memory"], reason: "MEMORY_EXCEEDED" }),
      expect.objectContaining({
        path: ["nics", "eth0", "network_id"],
        reason: "REFERENCE_NOT_FOUND",
      }),
    ]);
    const wrong = { ...wish("web"), spec: { ...spec("web"), memory: 1 } };
    expect(await vms().validate(wrong)).toEqual([
      expect.objectContaining({ path: ["memory"], reason: "SPEC_INVALID" }),
    ]);
    expect(await vms().validate(wish("web"))).toEqual([]);
    expect(await world.store.list("vm")).toEqual(before);
  });

  test("a field that only a newer client knows is refused, not ignored", async () => {
    const message = create(VmSpecSchema, { name: "web", memory: 2n ** 30n });
    message.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    const client = createClient(VmService, transport());
    await expect(client.put({ id: world.id("vm web"), spec: message })).rejects.toMatchObject({
      reason: "SPEC_INVALID",
      message: expect.stringContaining("field 99"),
    });
  });

  test("a watch tells the state, then changes, and resumes behind any of them", async () => {
    await vms().put(wish("web"));
    await world.quiet();
    const seen: ItemEvent<"vm">[] = [];
    const controller = new AbortController();
    for await (const event of vms().watch({}, { signal: controller.signal })) {
      seen.push(event);
      if (event.type === "synced") await vms().delete(world.id("vm web"));
      if (event.type === "delete") break;
    }
    const types = seen.map(({ type }) => type);
    expect(types.slice(0, 3)).toEqual(["put", "synced", "put"]);
    expect(types.at(-1)).toBe("delete");
    const resumed: string[] = [];
    for await (const event of vms("vic").watch({ since: seen[1]!.sequence })) {
      resumed.push(event.type);
      if (event.type === "synced") break;
    }
    expect(resumed).toEqual(["delete", "synced"]);
    const lost = vms().watch({ since: 1e9 })[Symbol.asyncIterator]().next();
    await expect(lost).rejects.toMatchObject({ code: "OUT_OF_RANGE", reason: "HISTORY_LOST" });
  });

  test("a watch of one object is not told of others", async () => {
    await vms().put(wish("a"));
    const controller = new AbortController();
    const ids = new Set<string>();
    for await (const event of vms().watch(
      { id: world.id("vm b") },
      { signal: controller.signal },
    )) {
      if (event.type === "synced") await vms().put(wish("b"));
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
    const { id } = await vms().put(wish("web"));
    expect((await vms("vic").get({ id }, true)).claimed).toBe(false);
    await vms("vic").list([id]);
    expect((await vms().get({ id }, false)).claimed).toBe(false);
    const denied = { code: "PERMISSION_DENIED", reason: "NOT_ALLOWED" };
    await expect(vms("vic").put(wish("b"))).rejects.toMatchObject(denied);
    await expect(vms("vic").delete(id)).rejects.toMatchObject(denied);
  });

  test("a certificate without a role is refused everything", async () => {
    await expect(vms("eve").list([])).rejects.toMatchObject({
      code: "PERMISSION_DENIED",
      message: expect.stringContaining("eve"),
    });
  });

  test("the creator is the certificate's user", async () => {
    await vms().put(wish("web"));
    expect((await world.get("vm", "web"))!.creator).toBe("ann");
  });
});

describe("the log of what clients did", () => {
  test("names who changed what, without what it is to be", async () => {
    const secret = { ...wish("web"), spec: { ...spec("web"), user_data: "password" } };
    const { id } = await vms().put(secret);
    await vms("vic").get({ id }, false);
    await vms("vic")
      .delete(id)
      .catch(() => {});
    await vms().delete(id);
    const of = { principal: "ann", kind: "vm", id };
    expect(noted).toEqual([
      { ...of, method: "Put" },
      { ...of, method: "Delete" },
    ]);
  });

  test("names who reached into a guest, and who uploads", async () => {
    const { id } = await vms().put(wish("web"));
    await world.quiet();
    const client = createClient(VmService, transport());
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
    const upload = createClient(ImageService, transport()).upload(
      (async function* () {
        const put = { id: world.id("image up"), spec: { name: "up", sha256: "0".repeat(64) } };
        yield { part: { case: "start" as const, value: { put, sizeBytes: 0n } } };
      })(),
    );
    await expect(upload).rejects.toMatchObject({ reason: "DIGEST_MISMATCH" });
    const of = { principal: "ann", kind: "vm", id };
    expect(noted.slice(1)).toEqual([
      { ...of, method: "Restart" },
      { ...of, method: "Console" },
      { ...of, method: "Forward" },
      { ...of, method: "Upload", kind: "image", id: world.id("image up") },
    ]);
  });
});

test("a restart names the boot that is to end", async () => {
  const { id } = await vms().put(wish("web"));
  await world.quiet();
  const client = createClient(VmService, transport());
  await expect(client.restart({ id, force: true })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason: "REQUEST_INVALID",
    message: "A restart names no boot that is to end.",
  });
  await world.quiet();
  expect((await world.get("vm", "web"))!.status.boots).toBe(1);
});

test("the host says what it is and what it has promised", async () => {
  await vms().put(wish("web"));
  const host = await createClient(HostService, transport("vic")).get({ clientVersion: "0.1.0" });
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

describe("an upload", () => {
  const bytes = Buffer.alloc(300_000, "lodge");
  const digest = createHash("sha256").update(bytes).digest("hex");
  const upload = (sha256: string, size = bytes.length, parts = [bytes]) =>
    createClient(ImageService, transport()).upload(
      (async function* () {
        const put = { id: world.id("image up"), spec: { name: "up", sha256 } };
        yield { part: { case: "start" as const, value: { put, sizeBytes: BigInt(size) } } };
        for (const value of parts) yield { part: { case: "data" as const, value } };
      })(),
    );

  test("makes an image, and again is the same one", async () => {
    const image = await upload(digest);
    expect(image).toMatchObject({
      meta: { id: world.id("image up"), observedRevision: 1n },
      status: { sha256: digest, sizeBytes: 300_000n },
    });
    expect((await upload(digest)).meta!.id).toBe(image.meta!.id);
    await world.pass(60_000);
    expect((await world.get("image", "up"))!.status.phase).toBe("ready");
    expect(world.images.files.has(image.meta!.id)).toBe(true);
  });

  test("leaves nothing where the digest or the size is another", async () => {
    await expect(upload("0".repeat(64))).rejects.toMatchObject({ reason: "DIGEST_MISMATCH" });
    await expect(upload(digest, 5)).rejects.toMatchObject({ reason: "SIZE_MISMATCH" });
    await world.pass(60_000);
    expect(await world.get("image", "up")).toBeUndefined();
    expect(world.images.files.has(world.id("image up"))).toBe(false);
  });

  test("is refused before its bytes where its name is taken", async () => {
    await upload(digest);
    const client = createClient(ImageService, transport());
    let sent = 0;
    const other = client.upload(
      (async function* () {
        const put = { id: world.id("another"), spec: { name: "up", sha256: "1".repeat(64) } };
        yield { part: { case: "start" as const, value: { put, sizeBytes: 2n ** 40n } } };
        for (; sent < 1000; sent++) {
          yield { part: { case: "data" as const, value: new Uint8Array(100_000) } };
          await new Promise((resolve) => setImmediate(resolve));
        }
      })(),
    );
    await expect(other).rejects.toMatchObject({ reason: "NAME_TAKEN" });
    expect(sent).toBeLessThan(1000);
  });
});

describe("a guest's console", () => {
  test("tells its history, then what comes, and takes what is typed", async () => {
    const { id } = await vms().put(wish("web"));
    await world.quiet();
    world.hypervisor.guestPrints(id, "boot\n");
    const typed = Promise.withResolvers<void>();
    const client = createClient(VmService, transport());
    const output = client.console(
      (async function* () {
        yield { part: { case: "open" as const, value: { vmId: id } } };
        yield { part: { case: "input" as const, value: Buffer.from("ls\n") } };
        await typed.promise;
      })(),
    );
    let text = "";
    for await (const { output: bytes } of output) {
      text += Buffer.from(bytes).toString();
      if (text === "boot\n") world.hypervisor.guestPrints(id, "login: ");
      if (text.endsWith("login: ")) break;
    }
    typed.resolve();
    expect(text).toBe("boot\nlogin: ");
    expect(world.hypervisor.typed(id)).toBe("ls\n");
  });

  test("of a guest that is on its way is followed from the beginning", async () => {
    const started = Promise.withResolvers<void>();
    world.onStep = (name) => (name === "start_machine" ? started.promise : undefined);
    const { id } = await vms().put(wish("web"));
    await new Promise((resolve) => setImmediate(resolve));
    const output = createClient(VmService, transport()).console(
      (async function* () {
        yield { part: { case: "open" as const, value: { vmId: id } } };
        await new Promise(() => {});
      })(),
    );
    const first = output[Symbol.asyncIterator]().next();
    await new Promise((resolve) => setTimeout(resolve, 20));
    started.resolve();
    await world.quiet();
    world.hypervisor.guestPrints(id, "boot\n");
    expect(Buffer.from((await first).value!.output).toString()).toBe("boot\n");
  });

  test("says where there is none", async () => {
    const open = (vmId: string) =>
      (async function* () {
        yield { part: { case: "open" as const, value: { vmId, historyOnly: true } } };
      })();
    const first = (vmId: string) =>
      createClient(VmService, transport()).console(open(vmId))[Symbol.asyncIterator]().next();
    await expect(first(world.id("vm none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    const { id } = await vms().put(wish("off", { power_state: "stopped" }));
    await world.quiet();
    await expect(first(id)).rejects.toMatchObject({ reason: "VM_NOT_RUNNING" });
  });
});

describe("a forward", () => {
  async function* dial(vmId: string, port: number, text = "", nic = "") {
    yield { part: { case: "open" as const, value: { vmId, port, nic } } };
    if (text) yield { part: { case: "data" as const, value: Buffer.from(text) } };
  }

  test("reaches a port of the guest both ways", async () => {
    const { id } = await vms().put(wish("web"));
    await world.quiet();
    world.networks.serve(world.id("network lan"), "10.20.0.10", 80, (guest) => {
      guest.on("data", (data: Buffer) => guest.end(`you said ${data.toString()}`));
    });
    let text = "";
    const client = createClient(VmService, transport());
    for await (const { part } of client.forward(dial(id, 80, "hello"))) {
      text +=
        part.case === "opened"
          ? `[${part.value.ipv4Address}] `
          : Buffer.from(part.value ?? []).toString();
    }
    expect(text).toBe("[10.20.0.10] you said hello");
  });

  test("goes on when the guest has said all, until the client has, too", async () => {
    const { id } = await vms().put(wish("web"));
    await world.quiet();
    const heard = Promise.withResolvers<string>();
    world.networks.serve(world.id("network lan"), "10.20.0.10", 80, (guest) => {
      let text = "";
      guest.on("data", (data: Buffer) => (text += data.toString()));
      guest.on("end", () => heard.resolve(text));
      guest.end("bye");
    });
    const saidAll = Promise.withResolvers<void>();
    async function* late() {
      yield* dial(id, 80);
      await saidAll.promise;
      yield { part: { case: "data" as const, value: Buffer.from("late") } };
    }
    const pieces: string[] = [];
    for await (const { part } of createClient(VmService, transport()).forward(late())) {
      if (part.case !== "data") continue;
      pieces.push(Buffer.from(part.value).toString());
      if (part.value.length === 0) saidAll.resolve();
    }
    expect(pieces).toEqual(["bye", ""]);
    expect(await heard.promise).toBe("late");
  });

  test("says why it cannot", async () => {
    const { id } = await vms().put(
      wish("web", { nics: { eth0: { network_id: world.id("network lan") } } }),
    );
    const { id: off } = await vms().put(wish("off", { power_state: "stopped" }));
    await world.quiet();
    const refused = async (vmId: string, port: number, nic?: string) => {
      const client = createClient(VmService, transport());
      const answers = client.forward(dial(vmId, port, "", nic));
      try {
        for await (const _ of answers) return "opened";
        return "ended";
      } catch (error) {
        return (error as { reason: string }).reason;
      }
    };
    expect(await refused(id, 80)).toBe("NO_ADDRESS");
    expect(await refused(id, 80, "eth9")).toBe("REQUEST_INVALID");
    expect(await refused(off, 80)).toBe("VM_NOT_RUNNING");
    const { id: third } = await vms().put(wish("third"));
    await world.quiet();
    expect(await refused(third, 80)).toBe("GUEST_UNREACHABLE");
    expect(await refused(third, 0)).toBe("REQUEST_INVALID");
  });
});
