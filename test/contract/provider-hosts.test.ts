/** Several hosts, none of which may hurt the others. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { createAuthority } from "@lodge/agent/lib/pki.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { clientIdentity, CoreAgent } from "../harness/core-agent.ts";
import { attributes, provider } from "../harness/provider.ts";

let rack1: CoreAgent;
let rack2: CoreAgent;
beforeEach(async () => {
  [rack1, rack2] = [await CoreAgent.start(), await CoreAgent.start({ name: "rack2" })];
});
afterEach(() => Promise.all([rack1, rack2].map((agent) => agent[Symbol.asyncDispose]())));

const both = (block: object = { default_host: "rack1" }) => provider([rack1, rack2], { block });
const disk = { name: "data", size: "1GiB" };
const net = { name: "net", subnets: { main: { cidr: "10.40.0.0/24" } } };
const disks = async (agent: CoreAgent) =>
  (await agent.world.store.list("disk")).records.map(({ spec }) => spec.name);

describe("several hosts", () => {
  test("without a default are an error at plan for what names none, whatever else is not known", async () => {
    for (const config of [disk, { ...disk, name: unknown }, { ...disk, size: unknown }]) {
      await expect((await both({})).plan("lodge_disk", undefined, config)).rejects.toThrow(
        "No host is chosen. Set host, or the provider's default_host, to one of rack1, rack2. (at host)",
      );
    }
    await expect(
      (await both()).plan("lodge_disk", undefined, { ...disk, host: "rack3" }),
    ).rejects.toThrow("The provider's hosts has no rack3; it has rack1, rack2. (at host)");
    await expect((await both({})).plan("lodge_network", undefined, net)).rejects.toThrow(
      "No host is chosen. Set hosts, or the provider's default_host, to one of rack1, rack2. (at hosts)",
    );
    await expect(
      (await both()).plan("lodge_network", undefined, { ...net, hosts: ["rack3"] }),
    ).rejects.toThrow("The provider's hosts has no rack3; it has rack1, rack2. (at hosts)");
  });

  test("have what is not known to have a host at plan, with and without a default", async () => {
    await (await both()).apply("lodge_disk", undefined, disk);
    await (await both()).apply("lodge_network", undefined, net);
    const wishes: readonly [string, object][] = [
      ["lodge_disk", { ...disk, host: unknown }],
      ["lodge_network", { ...net, hosts: unknown }],
      ["lodge_network", { ...net, hosts: [unknown] }],
    ];
    for (const block of [{}, { default_host: "rack1" }]) {
      for (const [type, config] of wishes) {
        // What the default host has of that name is in nobody's way who may be meant for the other one.
        const core = await both(block);
        expect((await core.plan(type, undefined, config)).action).toBe("create");
        expect((await core.plan(type, undefined, config)).action).toBe("create");
        expect(core.caller.warnings).toEqual([]);
      }
    }
    const there = await (
      await both({})
    ).apply(
      "lodge_network",
      undefined,
      { ...net, hosts: ["rack2"] },
      {
        ...net,
        hosts: unknown,
      },
    );
    expect(attributes(there)["hosts"]).toEqual(["rack2"]);
  });

  test("have what they are wished to have, and another host is another object", async () => {
    const first = await (await both()).apply("lodge_disk", undefined, disk);
    expect(attributes(first)).toMatchObject({ host: null, actual_host: "rack1" });
    const there = await (
      await both()
    ).apply("lodge_disk", first, { ...disk, host: "rack2" }, { ...disk, host: unknown });
    expect(attributes(there)).toMatchObject({ host: "rack2", actual_host: "rack2" });
    expect([await disks(rack1), await disks(rack2)]).toEqual([[], ["data"]]);
    // What stays where it is although nobody names its host any more has not moved.
    const stays = await (await both()).apply("lodge_disk", there, disk);
    expect(attributes(stays)).toMatchObject({
      id: attributes(there)["id"],
      host: null,
      actual_host: "rack2",
    });
    const network = await (await both()).apply("lodge_network", undefined, net);
    const moved = await (
      await both()
    ).apply("lodge_network", network, { ...net, hosts: ["rack2"] });
    expect([attributes(network)["hosts"], attributes(moved)["hosts"]]).toEqual([
      ["rack1"],
      ["rack2"],
    ]);
  });

  test("are all asked for an id, and one by a name", async () => {
    const there = await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" });
    const { id } = attributes(there);
    for (const text of [id, "rack2/data"]) {
      const core = await both();
      const imported = await core.import("lodge_disk", text);
      expect(attributes(imported)).toMatchObject({ id, host: "rack2" });
      expect((await core.plan("lodge_disk", imported, { ...disk, host: "rack2" })).action).toBe(
        "no-op",
      );
    }
    const known = await (await both()).importByIdentity("lodge_disk", { id });
    expect(attributes(known)).toMatchObject({ id, host: "rack2" });
    await expect(
      (await both()).importByIdentity("lodge_disk", { id: "rack2/data" }),
    ).rejects.toThrow("No host has a disk with the id rack2/data.");
    await expect((await both()).import("lodge_disk", "data")).rejects.toThrow(
      "The host rack1 has no disk with the name data. For one of another host, say HOST/NAME. (NOT_FOUND)",
    );
    await expect((await both()).import("lodge_disk", "rack1/data")).rejects.toThrow(
      "The host rack1 has no disk with the name data. (NOT_FOUND)",
    );
    await expect((await both()).import("lodge_disk", id.replace(/^./u, "x"))).rejects.toThrow(/./u);
  });
});

test.each(["20250101-backup", "deadbeef-web", "00000000-0000-4000-8000"])(
  "a name that begins as an id does is a name: %s",
  async (name) => {
    const made = await (await both()).apply("lodge_disk", undefined, { ...disk, name });
    for (const text of [name, `rack1/${name}`])
      expect(attributes(await (await both()).import("lodge_disk", text))).toMatchObject({
        id: attributes(made)["id"],
        name,
      });
    await expect((await both()).import("lodge_disk", `${name}-2`)).rejects.toThrow(
      `The host rack1 has no disk with the name ${name}-2.`,
    );
  },
);

describe("what will be no better at apply", () => {
  const refused = async (core: Core) =>
    core.plan("lodge_disk", undefined, disk).then(
      () => "planned",
      ({ message }: Error) => message,
    );

  test("is an error at plan: an agent of another name, a client that it does not know, or who may not ask", async () => {
    const other = await provider([{ name: "rack1", endpoint: rack2.endpoint }]);
    expect(await refused(other)).toMatch(/is for another host than rack1/u);
    const identity = await clientIdentity("admin", "ann", createAuthority("another"));
    expect(await refused(await provider([rack1], { identity }))).toMatch(
      /^Unable to plan lodge_disk: .*certificate/u,
    );
    rack1.stands.set("DiskService/Validate", () => {
      throw lodgeError("NOT_ALLOWED", "ann is a guest and may not call Validate.");
    });
    expect(await refused(await provider([rack1]))).toMatch(
      /^Unable to plan lodge_disk: ann is a guest/u,
    );
  });

  test("is none where the agent is away, slow or too old to be asked", async () => {
    for (const reason of ["UNREACHABLE", "DEADLINE_EXCEEDED", "METHOD_UNKNOWN"] as const) {
      rack1.stands.set("DiskService/Validate", () => {
        throw lodgeError(reason, "not now");
      });
      expect(await refused(await provider([rack1]))).toBe("planned");
    }
  });
});

describe("a dead host", () => {
  let here: Instance;
  let there: Instance;
  beforeEach(async () => {
    here = await (await both()).apply("lodge_disk", undefined, disk);
    there = await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" });
    await rack2.hide();
  });

  test("does not keep the others from being planned, changed and destroyed", async () => {
    const grown = { ...disk, size: "2GiB" };
    const changed = await (await both()).apply("lodge_disk", here, grown);
    expect(attributes(changed)["size_bytes"]).toBe(2 ** 31);
    expect(
      attributes({ state: await (await both()).readDataSource("lodge_host", {}) })["name"],
    ).toBe("rack1");
    expect(attributes(await (await both()).import("lodge_disk", "rack1/data"))["id"]).toBe(
      attributes(here)["id"],
    );
    await (await both()).destroy("lodge_disk", changed);
  });

  test("keeps its own in the state, with an error", async () => {
    const error = await (
      await both()
    )
      .plan("lodge_disk", there, { ...disk, host: "rack2" })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(
        /^Unable to read lodge_disk: rack2 at unix:.* cannot be reached/u,
      ),
      instance: there,
    });
    await expect((await both()).destroy("lodge_disk", there)).rejects.toThrow(/cannot be reached/u);
    await expect((await both()).readDataSource("lodge_host", { name: "rack2" })).rejects.toThrow(
      /cannot be reached/u,
    );
  });

  test("leaves open whether an id exists, unless another has it", async () => {
    expect(
      attributes(await (await both()).import("lodge_disk", attributes(here)["id"]))["actual_host"],
    ).toBe("rack1");
    await expect((await both()).import("lodge_disk", attributes(there)["id"])).rejects.toThrow(
      /cannot be reached/u,
    );
    await rack1.world.core.services.disk.delete(attributes(here)["id"]);
    await rack1.world.quiet();
    // It may have been moved there.
    await expect((await both()).refresh("lodge_disk", here)).rejects.toThrow(/cannot be reached/u);
    await rack2.serve();
    expect(await (await both()).refresh("lodge_disk", here)).toBeUndefined();
  });
});

describe("a host that does not answer", () => {
  /** A port of this machine that takes connections and says nothing, or that nothing comes back from. */
  async function deaf(drops: boolean): Promise<AsyncDisposable & { readonly endpoint: string }> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => sockets.add(socket));
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const table = `lodge_test_${port}`;
    const nft = (rules: string) => execFileSync("nft", ["-f", "-"], { input: rules });
    if (drops) {
      const chain = `type filter hook input priority 0; tcp dport ${port} drop`;
      nft(`table inet ${table} { chain input { ${chain}; }; }`);
    }
    return {
      endpoint: `127.0.0.1:${port}`,
      [Symbol.asyncDispose]: async () => {
        if (drops) nft(`delete table inet ${table}`);
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  }

  test.each([
    ["takes connections and says nothing", false],
    ["drops what is sent to it", true],
  ])("holds a refresh up once, for all of its objects: it %s", async (_, drops) => {
    const [there, network] = [
      await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" }),
      await (await both()).apply("lodge_network", undefined, { ...net, hosts: ["rack2"] }),
    ];
    await using host = await deaf(drops);
    const core = await provider([rack1, { name: "rack2", endpoint: host.endpoint }]);
    const refresh = (type: string, item: Instance) =>
      expect(core.refresh(type, item)).rejects.toThrow(
        `The host rack2 (${host.endpoint}) cannot be reached: there was no connection within 5 s. Check that the host is up`,
      );
    await Promise.all([refresh("lodge_disk", there), refresh("lodge_network", network)]);
    const start = performance.now();
    for (let turn = 0; turn < 100; turn++) await refresh("lodge_disk", there);
    await refresh("lodge_network", network);
    // Each by itself would wait five seconds.
    expect(performance.now() - start).toBeLessThan(5000);
    const mine = await core.apply("lodge_disk", undefined, { ...disk, host: "rack1" });
    expect(attributes(mine)["actual_host"]).toBe("rack1");
  });
});

describe("an error about a host names what is to be changed", () => {
  const said = (doing: Promise<unknown>) =>
    doing.then(
      () => "nothing",
      ({ message }: Error) => message,
    );

  test("where none is chosen", async () => {
    const core = await both({});
    expect(await said(core.import("lodge_disk", "data"))).toBe(
      "Unable to import lodge_disk: No host is chosen. Import HOST/NAME, or set the provider's default_host; the host is one of rack1, rack2.",
    );
    expect(await said(core.readDataSource("lodge_host", {}))).toBe(
      "Unable to read lodge_host: No host is chosen. Set name, or the provider's default_host, to one of rack1, rack2. (at name)",
    );
  });

  test("where there is none of that name", async () => {
    vi.stubEnv("LODGE_DEFAULT_HOST", "rack9");
    onTestFinished(() => void vi.unstubAllEnvs());
    const core = await both({});
    const wrong = `The provider's hosts has no rack9; it has rack1, rack2. The name is that of its default_host, or of LODGE_DEFAULT_HOST: set that to one of them.`;
    for (const [type, config] of [
      ["lodge_disk", disk],
      ["lodge_network", net],
    ] as const)
      expect(await said(core.plan(type, undefined, config))).toBe(
        `Unable to plan ${type}: ${wrong}`,
      );
    expect(await said(core.readDataSource("lodge_disk", { name: "data" }))).toContain(wrong);
    expect(await said(core.import("lodge_disk", "data"))).toContain(wrong);
    expect(await said(core.import("lodge_disk", "rack8/data"))).toBe(
      "Unable to import lodge_disk: The provider's hosts has no rack8; it has rack1, rack2. What stands before the first / is a host.",
    );
    expect(await said(core.readDataSource("lodge_host", { name: "rack8" }))).toMatch(
      /has no rack8; it has rack1, rack2\. \(at name\)$/u,
    );
  });
});
