import { createHash } from "node:crypto";
import { ImageService } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { World } from "../core/testing/world.ts";
import { ServedWorld } from "./testing.ts";

let served: ServedWorld;
let world: World;
beforeEach(async () => {
  served = await ServedWorld.start();
  ({ world } = served);
});
afterEach(() => served[Symbol.asyncDispose]());

describe("an upload", () => {
  const bytes = Buffer.alloc(300_000, "lodge");
  const digest = createHash("sha256").update(bytes).digest("hex");
  const upload = (sha256: string, size = bytes.length, parts = [bytes]) =>
    createClient(ImageService, served.transport()).upload(
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
    const client = createClient(ImageService, served.transport());
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
    const { id } = await served.vms().put(served.wish("web"));
    await world.quiet();
    world.hypervisor.guestPrints(id, "boot\n");
    const typed = Promise.withResolvers<void>();
    const client = createClient(VmService, served.transport());
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
    const { id } = await served.vms().put(served.wish("web"));
    await new Promise((resolve) => setImmediate(resolve));
    const output = createClient(VmService, served.transport()).console(
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
      Array.fromAsync(createClient(VmService, served.transport()).console(open(vmId)));
    await expect(first(world.id("vm none"))).rejects.toMatchObject({ code: "NOT_FOUND" });
    const { id } = await served.vms().put(served.wish("off", { power_state: "stopped" }));
    await world.quiet();
    await expect(first(id)).rejects.toMatchObject({
      reason: "VM_NOT_RUNNING",
      message: `VM off (${id}) does not run, and nothing is kept of what it printed.`,
      remedy: "`lodge vm start off` starts it.",
    });
  });

  test("of a guest that has ended tells what it printed, and how to have one to type into", async () => {
    const { id } = await served.vms().put(served.wish("web"));
    await world.quiet();
    world.hypervisor.guestPrints(id, "Kernel panic\n");
    world.hypervisor.guestPanics(id);
    await world.quiet();
    expect((await world.get("vm", "web"))!.status.actual_power_state).toBe("stopped");
    const read = (historyOnly: boolean) =>
      Array.fromAsync(
        createClient(VmService, served.transport()).console(
          (async function* () {
            yield { part: { case: "open" as const, value: { vmId: id, historyOnly } } };
          })(),
        ),
      );
    const history = (await read(true)).map(({ output }) => Buffer.from(output).toString());
    expect(history).toEqual(["Kernel panic\n"]);
    await expect(read(false)).rejects.toMatchObject({
      reason: "VM_NOT_RUNNING",
      message: `VM web (${id}) does not run, so it has no console.`,
      remedy:
        "`lodge vm start web` starts it; `lodge vm console web --history` shows what it printed last.",
    });
  });
});

describe("a forward", () => {
  async function* dial(vmId: string, port: number, text = "", nic = "") {
    yield { part: { case: "open" as const, value: { vmId, port, nic } } };
    if (text) yield { part: { case: "data" as const, value: Buffer.from(text) } };
  }

  test("reaches a port of the guest both ways", async () => {
    const { id } = await served.vms().put(served.wish("web"));
    await world.quiet();
    world.networks.serve(world.id("network lan"), "10.20.0.10", 80, (guest) => {
      guest.on("data", (data: Buffer) => guest.end(`you said ${data.toString()}`));
    });
    let text = "";
    const client = createClient(VmService, served.transport());
    for await (const { part } of client.forward(dial(id, 80, "hello"))) {
      text +=
        part.case === "opened"
          ? `[${part.value.ipv4Address}] `
          : Buffer.from(part.value ?? []).toString();
    }
    expect(text).toBe("[10.20.0.10] you said hello");
  });

  test("goes on when the guest has said all, until the client has, too", async () => {
    const { id } = await served.vms().put(served.wish("web"));
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
    for await (const { part } of createClient(VmService, served.transport()).forward(late())) {
      if (part.case !== "data") continue;
      pieces.push(Buffer.from(part.value).toString());
      if (part.value.length === 0) saidAll.resolve();
    }
    expect(pieces).toEqual(["bye", ""]);
    expect(await heard.promise).toBe("late");
  });

  test("says why it cannot", async () => {
    const { id } = await served
      .vms()
      .put(served.wish("web", { nics: { eth0: { network_id: world.id("network lan") } } }));
    const { id: off } = await served.vms().put(served.wish("off", { power_state: "stopped" }));
    await world.quiet();
    const refused = async (vmId: string, port: number, nic?: string) => {
      const client = createClient(VmService, served.transport());
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
    const { id: third } = await served.vms().put(served.wish("third"));
    await world.quiet();
    expect(await refused(third, 80)).toBe("GUEST_UNREACHABLE");
    expect(await refused(third, 0)).toBe("REQUEST_INVALID");
  });
});
