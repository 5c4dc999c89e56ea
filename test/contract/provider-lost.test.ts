/** Answers that are lost, applies that are interrupted, objects that cannot be made: nothing is made twice or left over. */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { violatedInvariants } from "@lodge/agent/core/testing/invariants.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { clientIdentity, CoreAgent, type Stand } from "../harness/core-agent.ts";
import { idOf } from "../harness/life.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
let image: string;
beforeEach(async () => {
  agent = await CoreAgent.start();
  await agent.world.furnish();
  image = `${agent.files.directory}/image`;
  await writeFile(image, Buffer.alloc(600_000, 1));
});
afterEach(() => agent[Symbol.asyncDispose]());

const nic = { network_id: idOf("network lan"), ipv4_pool_id: idOf("address_pool lan") };
const pool = { network_id: idOf("network lan"), subnet: "main", ranges: ["10.20.0.70"] };
const ways: readonly [KindName, string, () => object][] = [
  ["network", "NetworkService/Put", () => ({ subnets: { main: { cidr: "10.40.0.0/24" } } })],
  ["address_pool", "AddressPoolService/Put", () => pool],
  ["image", "ImageService/Put", () => ({ host_path: "/images/debian" })],
  ["image", "ImageService/Upload", () => ({ local_path: image })],
  ["disk", "DiskService/Put", () => ({ size: "1GiB" })],
  [
    "vm",
    "VmService/Put",
    () => ({ memory: "128MiB", nics: { eth0: nic }, disks: { root: { size: "1GiB" } } }),
  ],
];

/** What a second one needs beside the name, so that nothing but the name stands in its way. */
const alone = {
  network: { subnets: { main: { cidr: "10.41.0.0/24" } } },
  address_pool: {},
  image: {},
  disk: {},
  vm: {},
};
/** What makes a wish another one. */
const other = {
  network: {},
  address_pool: { ranges: ["10.20.0.71"] },
  image: { host_path: "/images/kernel", local_path: null },
  disk: { size: "2GiB" },
  vm: { cpus: 2 },
};

/** Once, the agent does what it is asked and the answer never arrives. */
function loseAnswer(method: string, then: () => void | Promise<void> = () => agent.cut()): void {
  const stand: Stand = async (request, context, handler) => {
    agent.stands.delete(method);
    const answer = await handler(request as never, context);
    await then();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return answer;
  };
  agent.stands.set(method, stand);
}

/** A process of the provider has put the wish, and was killed before the answer came. */
async function wishOfDead(kind: KindName, { local_path, ...wish }: Record<string, unknown>) {
  const principal = { name: "ann", run: "dead" };
  const { core } = agent.world;
  const bytes = local_path === undefined ? undefined : await readFile(local_path as string);
  const sha256 = bytes && createHash("sha256").update(bytes).digest("hex");
  const spec = kinds[kind].spec.parse({ ...wish, ...(sha256 && { sha256 }) }) as never;
  const request = { id: idOf("lost"), spec };
  if (bytes) {
    const { signal } = new AbortController();
    const chunks = (async function* () {
      yield bytes;
    })();
    await core.upload({ ...request, sizeBytes: bytes.length }, principal, chunks, signal);
  } else await core.services[kind].put(request, principal);
  await agent.world.quiet();
}

const made = async (kind: KindName): Promise<readonly string[]> =>
  (await agent.world.store.list(kind)).records
    .filter(({ spec }) => spec.name === "new")
    .map(({ id }) => id);

describe.each(ways)("%s by %s", (kind, method, config) => {
  const type = `lodge_${kind}`;
  const wish = () => ({ name: "new", ...config() });
  const apply = async (item: Instance | undefined, further: object = {}) =>
    attempt(await provider([agent]), type, item, { ...wish(), ...further });

  test("is made once, though the connection breaks before the answer", async () => {
    loseAnswer(method);
    const { instance, error } = await apply(undefined);
    expect(error).toBeUndefined();
    expect(await made(kind)).toEqual([attributes(instance!)["id"]]);
    await agent.world.quiet();
    expect(await violatedInvariants(agent.world)).toEqual([]);
  });

  test("is in the state, where Ctrl-C came before the answer", async () => {
    const core = await provider([agent]);
    loseAnswer(method, () => void core.caller.call("stopProvider", {}));
    const { instance } = await attempt(core, type, undefined, wish());
    expect(await made(kind)).toEqual([attributes(instance!)["id"]]);
    await agent.world.quiet();
    expect(await violatedInvariants(agent.world)).toEqual([]);
  });

  test("is in the state, where the time ended and the answer was lost", async () => {
    // The connection breaks after the end of the time, and nobody asks again for what may have been made.
    loseAnswer(method, async () => {
      await sleep(5_100);
      agent.cut();
    });
    const timeouts = { create: "5s" };
    const { instance } = await attempt(await provider([agent]), type, undefined, {
      ...wish(),
      timeouts,
    });
    expect(await made(kind)).toEqual([attributes(instance!)["id"]]);
  });

  test("is adopted by the next process, where the first one was killed before the answer", async () => {
    await wishOfDead(kind, wish());
    const before = await made(kind);
    const { instance, error } = await apply(undefined);
    expect([error, await made(kind)]).toEqual([undefined, before]);
    expect(before).toEqual([attributes(instance!)["id"]]);
    expect((await (await provider([agent])).plan(type, instance, wish())).action).toBe("no-op");
  });

  test("is adopted once, where two resources want it", async () => {
    await wishOfDead(kind, wish());
    const core = await provider([agent]);
    // Were both planned in one process, that would say so.
    const [one, other] = [core.resource(type), (await provider([agent])).resource(type)];
    const impatient = { ...wish(), timeouts: { create: "3s" } };
    const planned = await other.plan(undefined, impatient);
    const first = await one.apply(await one.plan(undefined, wish()), wish());
    await expect(other.apply(planned, impatient)).rejects.toThrow(/named new exists already/u);
    expect(await made(kind)).toEqual([attributes(first!)["id"]]);
  });

  test("is not adopted by another apply while the one that makes it goes on", async () => {
    const watch = method.replace(/\/.*/u, "/Watch");
    const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    agent.stands.set(watch, async function* (request, context, handler) {
      agent.stands.delete(watch);
      begun.resolve();
      await held.promise;
      yield* handler(request as never, context) as AsyncIterable<unknown>;
    });
    const first = apply(undefined);
    await begun.promise;
    const [id] = await made(kind);
    expect((await agent.world.store.get(kind, id!))!.claimed).toBe(false);
    const planned = await (await provider([agent])).plan(type, undefined, wish());
    expect(planned.action).toBe("create");
    const second = apply(undefined);
    setTimeout(held.resolve, 1000);
    expect((await second).error).toMatch(/^Unable to create .* named new exists already/u);
    expect(attributes((await first).instance!)["id"]).toBe(id);
    expect(await made(kind)).toEqual([id]);
  });

  test("is not adopted by another user, with another wish, or once it is claimed", async () => {
    const { instance } = await apply(undefined);
    const [id] = await made(kind);
    const taken = `Unable to create ${type}: .* named new exists already \\(id ${id}, created by ann\\)\\.( The apply has waited \\ds for that to change\\.)? Choose another name: a Terraform state has that one already\\. \\(NAME_TAKEN\\) \\(at name\\)$`;
    // A plan would say so already.
    agent.stands.set(method.replace(/\/.*/u, "/Validate"), async () => ({}));
    const refused = async (user: string, further: object) => {
      const core = await provider([agent], { identity: await clientIdentity("admin", user) });
      const impatient = { ...wish(), timeouts: { create: "4s" } };
      const { error } = await attempt(core, type, undefined, { ...impatient, ...further });
      expect(error).toMatch(new RegExp(taken, "u"));
    };
    await refused("bob", alone[kind]);
    await refused("ann", { ...alone[kind], ...other[kind] });
    expect((await agent.world.store.get(kind, id!))!.claimed).toBe(true);
    await refused("ann", alone[kind]);
    expect(attributes(instance!)["id"]).toBe(id);
    expect(await made(kind)).toEqual([id]);
  });

  test("is edited and deleted once, though the answers are lost", async () => {
    const { instance } = await apply(undefined);
    const id = attributes(instance!)["id"];
    loseAnswer(method.replace("Upload", "Put"));
    const edited = await attempt(await provider([agent]), type, instance, {
      ...wish(),
      name: "renamed",
    });
    expect(edited.error).toBeUndefined();
    expect(await agent.world.store.get(kind, id)).toMatchObject({
      specRevision: 2,
      spec: { name: "renamed" },
    });
    loseAnswer(method.replace(/\/.*/u, "/Delete"));
    await agent.during((await provider([agent])).destroy(type, edited.instance!));
    expect(await agent.world.store.get(kind, id)).toBeUndefined();
  });

  test("is followed through a restart of the agent", async () => {
    const watch = method.replace(/\/.*/u, "/Watch");
    const restarted = Promise.withResolvers<void>();
    agent.stands.set(watch, (request, context, handler) => {
      agent.stands.delete(watch);
      setImmediate(() => void agent.restart().then(() => restarted.resolve()));
      return handler(request as never, context);
    });
    const { instance, error } = await apply(undefined);
    await restarted.promise;
    expect(error).toBeUndefined();
    expect(await made(kind)).toEqual([attributes(instance!)["id"]]);
  });
});
