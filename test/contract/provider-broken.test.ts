/** Agents that are broken, or not ours: whatever they answer is an error that can be read, and the state stays. */
import type { DescMessage, DescMethod, DescService } from "@bufbuild/protobuf";
import { createServer as createTcpServer, type Server as TcpServer, type Socket } from "node:net";
import { createAuthority, issueServerCertificate } from "@lodge/agent/lib/pki.ts";
import { ConsoleResponseSchema, VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { createServer } from "@lodge/schemas/rpc/server.ts";
import type { ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { authority, clientIdentity, CoreAgent } from "../harness/core-agent.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
let item: Instance;
const web = { name: "web", memory: "128MiB" };
beforeEach(async () => {
  agent = await CoreAgent.start();
  item = await (await provider([agent])).apply("lodge_vm", undefined, web);
});
afterEach(() => agent[Symbol.asyncDispose]());

/** What a refresh says, which must leave the state as it is. */
async function refreshed(endpoint = agent.endpoint, identity = clientIdentity()): Promise<string> {
  const core = await provider([{ name: "rack1", endpoint }], { identity: await identity });
  const error = await core.refresh("lodge_vm", item).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ instance: item });
  return (error as Error).message;
}

type Answer = { items: Record<"meta" | "spec" | "status", Record<string, unknown> | undefined>[] };
/** Changes what the agent lists. */
const tamper = (change: (vm: Answer["items"][number]) => void): void => {
  agent.stands.set("VmService/List", async (request, context, handler) => {
    const answer = (await handler(request as never, context)) as Answer;
    answer.items.forEach(change);
    return answer;
  });
};

describe("an answer", () => {
  test.each(["meta", "spec", "status"] as const)(
    "without its %s is an error, not the end of the object",
    async (part) => {
      tamper((vm) => {
        vm[part] = undefined;
      });
      expect(await refreshed()).toMatch(
        /^Unable to read lodge_vm: .* came from its agent without all its parts\./u,
      );
    },
  );

  test("with numbers beyond all measure is an error", async () => {
    tamper((vm) => Object.assign(vm.spec!, { memory: 2n ** 63n }));
    expect(await refreshed()).toMatch(/^Unable to read lodge_vm: .*9223372036854775808/u);
  });

  test("that is too large is an error that names the limit", async () => {
    tamper((vm) => Object.assign(vm.status!, { message: "x".repeat(9 * 2 ** 20) }));
    expect(await refreshed()).toMatch(/^Unable to read lodge_vm: .*(8 MiB)/u);
  });

  test("that never comes is an error once its time has passed", async () => {
    agent.stands.set("VmService/Watch", async function* () {
      for (;;) {
        yield { type: 42, sequence: 1n };
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    });
    const config = { ...web, name: "db", timeouts: { create: "3s", delete: "3s" } };
    const endless = await attempt(await provider([agent]), "lodge_vm", undefined, config);
    expect(endless.warnings).toEqual([
      expect.stringMatching(/did not get there in the time that timeouts allows/u),
    ]);
    const error = await (
      await provider([agent])
    )
      .destroy("lodge_vm", endless.instance!)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      message: expect.stringMatching(/^Unable to delete lodge_vm: .*timeouts allows/u),
      instance: { tainted: false },
    });
  });

  test("that points nowhere is an error all the same", async () => {
    const violation = { message: "no", reason: "STRANGE" };
    const violations = [["nowhere", "x"], ["__proto__"], ["disks", "", "size"], []].map((path) => ({
      ...violation,
      path,
    }));
    agent.stands.set("VmService/Validate", async () => ({ violations }));
    await expect(
      (await provider([agent])).plan("lodge_vm", undefined, { ...web, name: "db" }),
    ).rejects.toThrow(/^Invalid .*: No\./u);
  });

  test("from an agent of another name than it is known by is an error before anything is made", async () => {
    agent.stands.set("HostService/Get", async (request, context, handler) => ({
      ...((await handler(request as never, context)) as object),
      name: "dev",
    }));
    const text =
      "The agent that the provider's hosts calls rack1 has the name dev. Call it dev in hosts.";
    expect(await refreshed()).toContain(text);
    expect(
      (await attempt(await provider([agent]), "lodge_vm", undefined, { ...web, name: "db" })).error,
    ).toContain(text);
    expect((await agent.world.store.list("vm")).records).toHaveLength(1);
  });
});

/** A service whose methods answer with bytes that were meant for something else. */
function garbled(service: DescService, bytes: Uint8Array): ServiceBinding {
  const output: DescMessage = ConsoleResponseSchema;
  const methods = service.methods.map((method): DescMethod => ({ ...method, output }));
  const answer = async () => ({ output: bytes });
  const unary = methods.filter(({ methodKind }) => methodKind === "unary");
  return {
    service: Object.assign(Object.create(service) as DescService, { methods }),
    implementation: Object.fromEntries(unary.map(({ localName }) => [localName, answer])),
  };
}

describe("a peer", () => {
  const open = new Set<{ close(): unknown }>();
  afterEach(async () => {
    for (const server of open) await server.close();
    open.clear();
  });
  const path = () => `unix:${agent.files.directory}/peer`;
  const serve = async (
    services: readonly ServiceBinding[],
    security: Parameters<ReturnType<typeof createServer>["listen"]>[1],
  ) => {
    const server = createServer({ services });
    open.add({ close: () => server.close(0) });
    return server.listen(path(), security);
  };
  const ours = async (from = authority, host = "rack1", notAfter?: Date) => ({
    ca: (await authority).certificate,
    ...(await issueServerCertificate(await from, {
      host,
      ...(notAfter && { notBefore: new Date(0), notAfter }),
    })),
  });
  const tcp = (onConnection: (socket: Socket) => void): TcpServer => {
    const server = createTcpServer(onConnection).listen(path().slice("unix:".length));
    open.add(server);
    return server;
  };

  test("that sends bytes of another message is an error", async () => {
    for (const bytes of [new Uint8Array([0xff, 0xff, 0xff]), new Uint8Array(1000).fill(7)]) {
      const endpoint = await serve([garbled(VmService, bytes)], await ours());
      expect(await refreshed(endpoint)).toMatch(
        /^Unable to read lodge_vm: A message of .*VmService\/List does not parse/u,
      );
      const core = await provider([{ name: "rack1", endpoint }]);
      await expect(core.plan("lodge_vm", undefined, { ...web, name: "db" })).rejects.toThrow(
        /^Unable to plan lodge_vm: .*VmService\/Validate does not parse/u,
      );
      for (const server of open) await server.close();
    }
  });

  test("that has none of the services is an error", async () => {
    const endpoint = await serve([], await ours());
    expect(await refreshed(endpoint)).toMatch(
      /does not have .*VmService\/List\. Bring both sides to the same version\./u,
    );
  });

  test.each([
    [
      "of another authority",
      async () => ours(createAuthority("another")),
      /is not from the trusted certificate authority/u,
    ],
    ["for another host", async () => ours(authority, "rack2"), /is for another host than rack1/u],
    ["that has ended", async () => ours(authority, "rack1", new Date(1e12)), /has expired/u],
  ])("with a certificate %s is an error", async (_, security, message) => {
    const endpoint = await serve([], await security());
    expect(await refreshed(endpoint)).toMatch(message);
  });

  test("that refuses our certificate is an error that names it", async () => {
    const strangers = clientIdentity("admin", "eve", createAuthority("another"));
    const identity = strangers.then(async (own) => ({ ...own, ca: (await authority).certificate }));
    expect(await refreshed(agent.endpoint, identity)).toMatch(
      /refused the client's certificate of CN=eve/u,
    );
  });

  test.each([
    [
      "speaks plaintext",
      (socket: { end(text: string): void }) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
      /does not speak TLS/u,
    ],
    [
      "hangs up",
      (socket: { end(text: string): void }) => socket.end(""),
      /does not speak TLS|broke/u,
    ],
  ])("that %s is an error", async (_, answer, message) => {
    tcp(answer);
    expect(await refreshed(path())).toMatch(message);
  });
});

test("after all that the object is as it was", async () => {
  expect(attributes((await (await provider([agent])).refresh("lodge_vm", item))!)).toEqual(
    attributes(item),
  );
});
