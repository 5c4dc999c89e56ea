/** Answers that are lost, applies that are interrupted, objects that cannot be made: nothing is made twice or left over. */
import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { violatedInvariants } from "@lodge/agent/core/testing/invariants.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
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
const kinds: readonly [KindName, string, () => object][] = [
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
function loseAnswer(method: string, then: () => void = () => agent.cut()): void {
  const stand: Stand = async (request, context, handler) => {
    agent.stands.delete(method);
    const answer = await handler(request as never, context);
    then();
    await new Promise((resolve) => setTimeout(resolve, 20));
    return answer;
  };
  agent.stands.set(method, stand);
}

const made = async (kind: KindName): Promise<readonly string[]> =>
  (await agent.world.store.list(kind)).records
    .filter(({ spec }) => spec.name === "new")
    .map(({ id }) => id);

describe.each(kinds)("%s by %s", (kind, method, config) => {
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

  test("is adopted by the next process, where the first one was ended before the answer", async () => {
    const core = await provider([agent]);
    loseAnswer(method, () => void core.caller.call("stopProvider", {}));
    const lost = await attempt(core, type, undefined, wish());
    expect(lost).toMatchObject({
      instance: undefined,
      error: expect.stringMatching(/^Unable to create/u),
    });
    const before = await made(kind);
    const { instance, error } = await apply(undefined);
    expect([error, await made(kind)]).toEqual([undefined, before]);
    expect(before).toEqual([attributes(instance!)["id"]]);
    expect((await (await provider([agent])).plan(type, instance, wish())).action).toBe("no-op");
  });

  test("is not adopted by another user, with another wish, or once it is claimed", async () => {
    const { instance } = await apply(undefined);
    const [id] = await made(kind);
    const taken = `Unable to create ${type}: .* named new exists already \\(id ${id}, created by ann\\)\\. Choose another name, or take it over: terraform import ${type}.NAME ${id} \\(at name\\)$`;
    // A plan would say so already.
    agent.stands.set(method.replace(/\/.*/u, "/Validate"), async () => ({}));
    const refused = async (user: string, further: object) => {
      const core = await provider([agent], { identity: await clientIdentity("admin", user) });
      const { error } = await attempt(core, type, undefined, { ...wish(), ...further });
      expect(error).toMatch(new RegExp(taken, "u"));
    };
    await refused("bob", alone[kind]);
    await refused("ann", { ...alone[kind], ...other[kind] });
    expect((await agent.world.store.get(kind, id!))!.claimed).toBe(false);
    await (await provider([agent])).refresh(type, instance!);
    expect((await agent.world.store.get(kind, id!))!.claimed).toBe(true);
    await refused("ann", alone[kind]);
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
