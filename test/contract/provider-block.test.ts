/** Provider blocks that are not known yet, in part or as a whole, that name no host, or the wrong one. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { unknown } from "@lodge/provider/sdk/value/unknown.ts";
import { CoreAgent } from "../harness/core-agent.ts";
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

describe("a provider block", () => {
  test.each([
    ["unknown hosts", { hosts: unknown }],
    ["an unknown key", { client_key_pem: unknown }],
  ])("with %s plans what is new, and can tell nothing of what is there", async (_, block) => {
    const core = await provider([rack1], { block });
    expect((await core.plan("lodge_disk", undefined, disk)).action).toBe("create");
    const item = await (await provider([rack1])).apply("lodge_disk", undefined, disk);
    await expect(core.refresh("lodge_disk", item)).rejects.toThrow(
      /^Unable to read lodge_disk: The provider's configuration is only known after apply\. .*-target\. \(CONFIGURATION_UNKNOWN\)$/u,
    );
  });

  describe.each([
    ["endpoint", { endpoint: unknown }],
    ["entry", unknown],
  ])("with a host whose %s is unknown", (_, entry) => {
    const withNew = (agents: readonly CoreAgent[], block: object = {}) =>
      provider(agents, {
        block: {
          hosts: {
            ...Object.fromEntries(agents.map(({ name, endpoint }) => [name, { endpoint }])),
            rack3: entry,
          },
          ...block,
        },
      });
    const unknownHost =
      /The endpoint of the host rack3 is only known after apply\. .*-target\. \(CONFIGURATION_UNKNOWN\)$/u;

    test("plans what is new on it, and asks the others as ever", async () => {
      const made = await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" });
      const core = await withNew([rack1, rack2]);
      for (const type of ["lodge_disk", "lodge_disk", "lodge_network"]) {
        const config =
          type === "lodge_disk" ? { ...disk, host: "rack3" } : { ...net, hosts: ["rack3"] };
        const plan = core.plan(type, undefined, config);
        expect((await plan).action).toBe("create");
      }
      expect(attributes((await core.refresh("lodge_disk", made))!)).toEqual(attributes(made));
      const grown = { ...disk, host: "rack2", size: "2GiB" };
      expect(attributes(await core.apply("lodge_disk", made, grown))["size"]).toBe("2GiB");
      const again = await withNew([rack1, rack2]);
      await again.plan("lodge_disk", undefined, grown);
      expect(again.caller.warnings.map(({ summary }) => summary)).toEqual([
        expect.stringMatching(/^Taken until its holder is deleted: /u),
      ]);
      await expect(core.plan("lodge_disk", undefined, disk)).rejects.toThrow(
        "No host is chosen. Set host, or the provider's default_host, to one of rack1, rack2, rack3.",
      );
      expect(attributes(await core.import("lodge_disk", attributes(made)["id"]))).toMatchObject({
        name: "data",
        host: "rack2",
      });
    });

    test("can tell nothing of what is there", async () => {
      await using rack3 = await CoreAgent.start({ name: "rack3" });
      const made = await (await provider([rack3])).apply("lodge_disk", undefined, disk);
      const core = await withNew([rack1]);
      await expect(core.refresh("lodge_disk", made)).rejects.toThrow(unknownHost);
      await expect(core.import("lodge_disk", "rack3/data")).rejects.toThrow(unknownHost);
      // Whether an id exists is known only where another host has it.
      await expect(core.import("lodge_disk", attributes(made)["id"])).rejects.toThrow(unknownHost);
      await expect(core.readDataSource("lodge_host", { name: "rack3" })).rejects.toThrow(
        unknownHost,
      );
      await expect(core.readDataSource("lodge_hosts", {})).rejects.toThrow(unknownHost);
    });

    test("plans an action on a VM that may be there", async () => {
      const core = await withNew([rack1]);
      const invoked = core.invoke("lodge_vm_reset", { vm_id: randomUUID() });
      const said = await invoked.catch(({ message }: Error) => message);
      expect(said).toMatch(/^Unable to invoke lodge_vm_reset: /u);
      expect(said).toMatch(unknownHost);
    });

    test("plans what goes there by default", async () => {
      const core = await withNew([rack1], { default_host: "rack3" });
      expect((await core.plan("lodge_disk", undefined, disk)).action).toBe("create");
      const alone = await withNew([]);
      expect((await alone.plan("lodge_disk", undefined, disk)).action).toBe("create");
    });
  });

  test("with an unknown default asks the hosts that are named", async () => {
    const core = await both({ default_host: unknown });
    expect((await core.plan("lodge_disk", undefined, disk)).action).toBe("create");
    const named = { ...disk, host: "rack2" };
    const there = await core.apply("lodge_disk", undefined, named);
    expect((await core.plan("lodge_disk", there, named)).action).toBe("no-op");
    expect(attributes(await core.import("lodge_disk", "rack2/data"))["host"]).toBe("rack2");
    await expect(core.import("lodge_disk", "data")).rejects.toThrow(
      /The provider's default_host is only known after apply\. .*-target\. \(CONFIGURATION_UNKNOWN\)$/u,
    );
  });

  test("with hosts that are empty is refused, and speaks to no agent of this machine", async () => {
    const environment = { LODGE_AGENT_DIR: rack2.files.directory };
    await inEnvironment(environment, async () => {
      await expect(provider([], { block: { default_host: "rack1" } })).rejects.toThrow(
        "The value of hosts must name a host, or be left out for the agent of this machine. (at hosts)",
      );
    });
  });

  const there = { rack1: { endpoint: "rack1:6800" } };
  test.each([
    ...["http://rack1:6800", "rack1", "rack1:99999"].map((endpoint): [string, object, string] => [
      endpoint,
      { hosts: { rack1: { endpoint } } },
      "The value of hosts.rack1.endpoint must be HOST:PORT, [IPV6]:PORT or unix:/PATH. (at hosts.rack1.endpoint)",
    ]),
    [
      "a default host that is none of its hosts",
      { hosts: there, default_host: "rakc1" },
      "The value of default_host must be one of the hosts: rack1. (at default_host)",
    ],
    [
      "a credential given twice",
      { hosts: there, client_key_file: "/key.pem" },
      "client_key_file: give one of client_key_file and client_key_pem. (at client_key_file)",
    ],
  ])("with %s is refused before a host is needed", async (_, block, message) => {
    await expect(provider([rack1], { block })).rejects.toThrow(message);
  });

  test("that loses a host says which, and what to do about its objects", async () => {
    const there = await (await both()).apply("lodge_disk", undefined, { ...disk, host: "rack2" });
    const error = await (
      await provider([rack1])
    )
      .refresh("lodge_disk", there)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message:
        "Unable to read lodge_disk: The provider's hosts has no rack2; it has rack1. The state has an object on rack2: put rack2 back into hosts until that is destroyed, or forget it with a removed block or `terraform state rm`.",
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
