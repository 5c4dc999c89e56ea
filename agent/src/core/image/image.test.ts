import { createHash } from "node:crypto";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { kinds } from "@lodge/schemas/spec/kind.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { World } from "../testing/world.ts";

let world: World;
beforeEach(async () => {
  world = new World();
  await world.begin();
});
afterEach(() => world.core.close());

const bytes = Buffer.alloc(1024, 7);
const digest = createHash("sha256").update(bytes).digest("hex");
const image = (members: object = {}) => ({
  name: "debian",
  host_path: "/images/debian",
  ...members,
});
const status = async () => (await world.get("image", "debian"))?.status;
const copies = () => world.images.faults.calls.filter((call) => call === "copy").length;

describe("an image", () => {
  test("is copied, verified and described", async () => {
    expect((await world.put("image", image({ sha256: digest }))).status).toMatchObject({
      phase: "pending",
      sha256: digest,
    });
    await world.quiet();
    expect(await status()).toEqual({
      phase: "ready",
      message: "",
      sha256: digest,
      format: "raw",
      size_bytes: 1024,
      virtual_size_bytes: 1024,
    });
    expect((await world.get("image", "debian"))!.observedRevision).toBe(1);
  });

  test("with another digest is not read again before its file is another", async () => {
    world.images.hostFiles.set("/images/debian", Buffer.alloc(1024, 8));
    await world.put("image", image({ sha256: digest }));
    await world.pass(3_600_000);
    expect([await status(), copies()]).toMatchObject([{ phase: "failed" }, 1]);
    world.images.hostFiles.delete("/images/debian");
    await world.pass(120_000);
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("no file"),
    });
    world.images.hostFiles.set("/images/debian", bytes);
    await world.pass(120_000);
    expect([await status(), copies()]).toMatchObject([{ phase: "ready", sha256: digest }, 3]);
  });

  test("with another digest fails for good, with both named", async () => {
    await world.put("image", image({ sha256: "0".repeat(64) }));
    await world.pass(3_600_000);
    expect(await status()).toMatchObject({ phase: "failed" });
    expect((await status())!.message).toContain(digest);
    expect([copies(), world.images.files.size]).toEqual([1, 0]);
    await world.delete("image", "debian");
    await world.quiet();
    expect(await status()).toBeUndefined();
  });

  test("is tried again where the disk was full", async () => {
    world.images.full = true;
    await world.put("image", image());
    await world.pass(10_000);
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("0 bytes free"),
    });
    world.images.full = false;
    await world.pass(300_000);
    expect(await status()).toMatchObject({ phase: "ready" });
  });

  test("whose file has vanished comes back as it was, or not at all", async () => {
    await world.put("image", image());
    await world.quiet();
    const id = world.id("image debian");
    world.images.files.delete(id);
    await world.pass(60_000);
    expect([await status(), world.images.files.has(id)]).toMatchObject([{ phase: "ready" }, true]);
    world.images.hostFiles.set("/images/debian", Buffer.alloc(1024, 8));
    world.images.files.delete(id);
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "failed" });
    expect(world.images.files.has(id)).toBe(false);
  });

  test("that was uploaded says that its file is gone, and is well when it is back", async () => {
    const chunks = (async function* () {
      yield bytes;
    })();
    const id = world.id("image debian");
    const spec = kinds.image.spec.parse({ name: "debian", sha256: digest });
    const { signal } = new AbortController();
    await world.core.upload({ id, spec, sizeBytes: 1024 }, world.principal, chunks, signal);
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "ready" });
    const file = world.images.files.get(id)!;
    world.images.files.delete(id);
    await world.pass(60_000);
    expect(await status()).toMatchObject({
      phase: "failed",
      message: expect.stringContaining("uploaded again"),
    });
    world.images.files.set(id, file);
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "ready", message: "" });
  });

  test("that is sent again while what was left of it is removed is whole", async () => {
    const id = world.id("image debian");
    world.images.files.set(id, "unfinished");
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    world.images.faults.hook = async (method, moment) => {
      if (method !== "delete" || moment !== "before") return;
      begun.resolve();
      await held.promise;
    };
    await world.core.sweep();
    await begun.promise;
    const spec = kinds.image.spec.parse({ name: "debian", sha256: digest });
    const { signal } = new AbortController();
    const chunks = (async function* () {
      yield bytes;
    })();
    const request = { id, spec, sizeBytes: 1024 };
    const sent = world.core.upload(request, world.principal, chunks, signal);
    await new Promise((resolve) => setImmediate(resolve));
    held.resolve();
    await sent;
    await world.pass(60_000);
    expect(await status()).toMatchObject({ phase: "ready" });
    expect(world.images.files.get(id)).toMatchObject({ sha256: digest });
  });

  test("that is deleted while it is copied is not copied on", async () => {
    const begun = Promise.withResolvers<void>();
    let aborted = false;
    world.images.copy = async (_, signal) => {
      begun.resolve();
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted = true;
          reject(signal.reason as Error);
        });
      });
      throw lodgeError("INTERNAL", "never");
    };
    await world.put("image", image());
    await begun.promise;
    await world.delete("image", "debian");
    await world.quiet();
    expect([aborted, await status()]).toEqual([true, undefined]);
  });

  test("is renamed, and told what is known already, without being another", async () => {
    await world.put("image", image());
    await world.quiet();
    const { id, spec } = (await world.get("image", "debian"))!;
    const edit = (members: object, expectedRevision: number) =>
      world.core.services.image.put(
        { id, spec: kinds.image.spec.parse({ name: spec.name, ...members }), expectedRevision },
        world.principal,
      );
    expect((await edit({ name: "bookworm" }, 1)).spec).toEqual({
      name: "bookworm",
      host_path: "/images/debian",
    });
    expect((await edit({ sha256: digest }, 2)).specRevision).toBe(3);
    await expect(edit({ sha256: "1".repeat(64) }, 3)).rejects.toMatchObject({
      reason: "FIELD_IMMUTABLE",
    });
    await expect(edit({ host_path: "/images/kernel" }, 3)).rejects.toMatchObject({
      reason: "FIELD_IMMUTABLE",
    });
    await world.quiet();
    expect([copies(), (await world.store.get("image", id))!.observedRevision]).toEqual([1, 3]);
  });
});

test.each([
  ["/etc/shadow", "PATH_NOT_ALLOWED"],
  ["/images/none", "PATH_NOT_FOUND"],
  ["/images/link", "PATH_NOT_ALLOWED"],
  [undefined, "SPEC_INVALID"],
])("an image from %s is refused: %s", async (host_path, reason) => {
  world.images.hostFiles.set("/images/link", "/etc/shadow");
  await expect(world.put("image", { name: "x", host_path })).rejects.toMatchObject({
    code: "INVALID_ARGUMENT",
    reason,
    violations: [{ path: "spec.host_path" }],
  });
  expect((await world.store.list("image")).records).toEqual([]);
});
