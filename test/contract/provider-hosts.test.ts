/** Several hosts, none of which may hurt the others, and provider blocks that are not known yet or name no host. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { createAuthority } from "@lodge/agent/lib/pki.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { clientIdentity, CoreAgent } from "../harness/core-agent.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let rack1: CoreAgent;
let rack2: CoreAgent;
beforeEach(async () => {
  [rack1, rack2] = [await CoreAgent.start(), await CoreAgent.start({ name: "rack2" })];
});
afterEach(() => Promise.all([rack1, rack2].map((agent) => agent[Symbol.asyncDispose]())));

/** Runs something with other variables of the environment. */
async function inEnvironment(
  variables: Readonly<Record<string, string>>,
  body: () => Promise<void>,
): Promise<void> {
  const before = { ...process.env };
  Object.assign(process.env, variables);
  try {
    await body();
  } finally {
    for (const name of Object.keys(variables)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

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
    expect(
      (await (await both({})).plan("lodge_disk", undefined, { ...disk, host: unknown })).action,
    ).toBe("create");
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
      /No disk on this host has the name data/u,
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
      `No disk on this host has the name ${name}-2.`,
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
      message: expect.stringMatching(/^Unable to read lodge_disk: unix:.* cannot be reached/u),
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

describe("a provider block", () => {
  test.each([
    ["an unknown endpoint", { hosts: { rack1: { endpoint: unknown } } }],
    ["unknown hosts", { hosts: unknown }],
    ["an unknown key", { client_key_pem: unknown }],
    ["an unknown default", { default_host: unknown }],
  ])("with %s plans what is new, and can tell nothing of what is there", async (_, block) => {
    const core = await provider([rack1], { block });
    expect((await core.plan("lodge_disk", undefined, disk)).action).toBe("create");
    const item = await (await provider([rack1])).apply("lodge_disk", undefined, disk);
    await expect(core.refresh("lodge_disk", item)).rejects.toThrow(
      /^Unable to read lodge_disk: The provider's configuration is only known after apply\. .*-target\.$/u,
    );
  });

  test("that loses a host says which", async () => {
    const there = await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" });
    const error = await (
      await provider([rack1])
    )
      .refresh("lodge_disk", there)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(/The provider's hosts has no rack2; it has rack1\./u),
      instance: there,
    });
  });

  describe("that is empty heeds the environment as the command line does", () => {
    const nothing = { hosts: null };
    const cases: readonly [string, Record<string, string>, RegExp | string][] = [
      ["an endpoint with its name", { LODGE_HOST: "rack1" }, "rack1"],
      ["an endpoint with another name", { LODGE_HOST: "rack2" }, /is for another host than rack2/u],
      ["a socket without a name", {}, /LODGE_ENDPOINT is a socket, unix:.*Set LODGE_HOST/u],
    ];
    test.each(cases)("%s", async (_, further, expected) => {
      const environment = { LODGE_ENDPOINT: rack1.endpoint, LODGE_AGENT_DIR: "", ...further };
      await inEnvironment(environment, async () => {
        const made = async () =>
          (await provider([rack1], { block: nothing })).apply("lodge_disk", undefined, disk);
        if (typeof expected === "string")
          expect(attributes(await made())["actual_host"]).toBe(expected);
        else await expect(made()).rejects.toThrow(expected);
      });
    });

    test("and a directory of this machine goes before an endpoint", async () => {
      const environment = {
        LODGE_ENDPOINT: rack1.endpoint,
        LODGE_HOST: "rack1",
        LODGE_AGENT_DIR: rack2.files.directory,
      };
      await inEnvironment(environment, async () => {
        const core = await provider([rack1], { block: nothing });
        const item = await core.apply("lodge_disk", undefined, disk);
        expect(attributes(item)["actual_host"]).toBe("rack2");
      });
    });

    test("unless it names its hosts", async () => {
      const environment = { LODGE_ENDPOINT: "nowhere:1", LODGE_HOST: "rack9" };
      await inEnvironment(environment, async () => {
        const item = await (await provider([rack1])).apply("lodge_disk", undefined, disk);
        expect(attributes(item)["actual_host"]).toBe("rack1");
      });
    });
  });

  test("that is empty speaks to the agent of this machine", async () => {
    const before = process.env["LODGE_AGENT_DIR"];
    process.env["LODGE_AGENT_DIR"] = rack2.files.directory;
    try {
      const nothing = {
        hosts: null,
        ca_certificate_pem: null,
        client_certificate_pem: null,
        client_key_pem: null,
      };
      const core = await provider([], { block: nothing });
      const item = await core.apply("lodge_disk", undefined, disk);
      expect(attributes(item)["actual_host"]).toBe("rack2");
      await expect(core.plan("lodge_disk", undefined, { ...disk, host: "rack1" })).rejects.toThrow(
        /only the local agent rack2 can be asked, not rack1\. \(at host\)/u,
      );
    } finally {
      if (before === undefined) delete process.env["LODGE_AGENT_DIR"];
      else process.env["LODGE_AGENT_DIR"] = before;
    }
  });

  test.each([
    [
      "no certificate authority",
      { ca_certificate_pem: null },
      /The provider has no ca_certificate\. Set ca_certificate_file/u,
    ],
    ["a key that is none", { client_key_pem: "key" }, /The key is no PEM private key/u],
    [
      "a file that is not there",
      { ca_certificate_pem: null, ca_certificate_file: "/nowhere.pem" },
      /\/nowhere\.pem cannot be read \(ENOENT\)/u,
    ],
  ])("with %s is an error where a host is needed", async (_, block, message) => {
    const core = await provider([rack1], { block });
    const { error } = await attempt(core, "lodge_disk", undefined, disk).catch(
      ({ message }: Error) => ({ error: message }),
    );
    expect(error).toMatch(message);
  });
});
