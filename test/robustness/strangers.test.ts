/** Who may not speak to a real agent, over both of its ways in; and who asks for too much. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createAuthority, issueClientCertificate, type KeyPair } from "@lodge/agent/lib/pki.ts";
import { createKindClient } from "@lodge/schemas/kind-client.ts";
import { create } from "@bufbuild/protobuf";
import { DiskService, DiskSpecSchema } from "@lodge/schemas/gen/lodge/agent/v1/disk_pb.ts";
import {
  connect,
  createClient,
  type Transport,
  type TransportOptions,
} from "@lodge/schemas/rpc/client.ts";
import { agentLimits } from "@lodge/schemas/rpc/limits.ts";
import { TestAgent, command } from "../harness/agent.ts";
import { dist } from "../harness/executable.ts";

const past = { notBefore: new Date("2020-01-01"), notAfter: new Date("2020-02-01") };
const ann = { user: "ann", role: "admin" } as const;

let agent: TestAgent;
let ours: KeyPair;
let foreign: KeyPair;
const addresses = { "unix socket": "", "TCP port": "" };

beforeAll(async () => {
  agent = await TestAgent.start();
  await agent.kill();
  const { name, files } = agent;
  const fixed = ["agent", "--dev", "--name", name, "--dir", files.directory, "--detach"];
  const more = ["--listen", "127.0.0.1:0", "--output", "json"];
  const { stdout } = await command(join(dist, "lodge"), [...fixed, ...more]);
  const [unix, tcp] = (JSON.parse(stdout) as { readonly endpoints: readonly string[] }).endpoints;
  Object.assign(addresses, { "unix socket": unix, "TCP port": tcp });
  const key = readFileSync(join(files.directory, "ca.key"), "utf8");
  ours = { certificate: readFileSync(files.caCertificate, "utf8"), key };
  foreign = await createAuthority(`Lodge development agent ${name}`);
});
afterAll(() => agent?.[Symbol.asyncDispose]());

/** Lists the VMs; @returns what comes, an answer or an error. */
async function ask(options: Pick<TransportOptions, "address" | "security" | "limits">) {
  using transport = connect({ ...options, timeoutMs: 60_000 });
  return await createKindClient("vm", transport)
    .list([])
    .catch((error: unknown) => error);
}

describe.each(Object.keys(addresses) as (keyof typeof addresses)[])("over its %s", (way) => {
  const with_ = (pair: KeyPair, ca = ours.certificate) =>
    ask({ address: addresses[way], security: { ca, ...pair, serverName: agent.name } });

  test("a client of its authority is let in", async () => {
    expect(await with_(await issueClientCertificate(ours, ann))).toEqual([]);
  });

  test("one of another authority of the same name is not", async () => {
    expect(await with_(await issueClientCertificate(foreign, ann))).toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CLIENT_CERTIFICATE_REJECTED",
      message: expect.stringContaining("CN=ann"),
    });
  });

  test("one whose certificate has expired is not", async () => {
    expect(await with_(await issueClientCertificate(ours, { ...ann, ...past }))).toMatchObject({
      code: "UNAUTHENTICATED",
      reason: "CLIENT_CERTIFICATE_EXPIRED",
    });
  });

  test("one that trusts another authority does not speak to it", async () => {
    const pair = await issueClientCertificate(ours, ann);
    expect(await with_(pair, foreign.certificate)).toMatchObject({
      code: "UNAVAILABLE",
      reason: "SERVER_CERTIFICATE_UNTRUSTED",
    });
  });

  test("one that speaks plaintext is told to use TLS, and the agent's log says so", async () => {
    const from = (await agent.log()).length;
    const error = await ask({ address: addresses[way], security: "plaintext" });
    expect(error).toMatchObject({
      code: "UNAVAILABLE",
      reason: "NOT_TLS",
      remedy: expect.stringContaining("TLS"),
    });
    await expect.poll(async () => (await agent.log()).slice(from)).toContain("does not speak TLS");
  });

  test("a message above the limit is refused with limit and remedy, and the connection lives on", async () => {
    const pair = await issueClientCertificate(ours, ann);
    using transport = connect({
      address: addresses[way],
      security: { ca: ours.certificate, ...pair, serverName: agent.name },
      limits: { ...agentLimits, maxSendBytes: 2 ** 30 },
    });
    const vms = createKindClient("vm", transport);
    await expect(vms.list(["x".repeat(9 * 2 ** 20)])).rejects.toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "MESSAGE_TOO_LARGE",
      message: expect.stringContaining("8 MiB"),
      remedy: expect.stringMatching(/./u),
    });
    expect(await vms.list([])).toEqual([]);
  });
});

describe("a wish", () => {
  const id = "22222222-2222-4222-8222-222222222222";
  const spec = { name: "wish", size: 2 ** 20, deletion_protection: false };
  let transport: Transport;
  beforeAll(async () => {
    const pair = await issueClientCertificate(ours, ann);
    const security = { ca: ours.certificate, ...pair, serverName: agent.name };
    transport = connect({ address: addresses["TCP port"], security });
  });
  afterAll(() => transport?.close());

  test("with a field that the agent does not know is refused, and names it", async () => {
    const message = create(DiskSpecSchema, { name: "wish", size: 2n ** 20n });
    message.$unknown = [{ no: 99, wireType: 0, data: new Uint8Array([1]) }];
    const client = createClient(DiskService, transport);
    await expect(client.put({ id, spec: message })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "SPEC_INVALID",
      message: expect.stringContaining("field 99"),
    });
    expect(await createKindClient("disk", transport).list([])).toEqual([]);
  });

  test("that was made from another revision is refused, and what another wrote stays", async () => {
    const disks = createKindClient("disk", transport);
    await disks.put({ id, spec });
    const theirs = { ...spec, size: 2 ** 21 };
    await disks.put({ id, spec: theirs, expectedRevision: 1 });
    const late = { id, spec: { ...spec, name: "other" } };
    for (const expectedRevision of [1, 3]) {
      await expect(disks.put({ ...late, expectedRevision })).rejects.toMatchObject({
        code: "ABORTED",
        reason: "REVISION_MISMATCH",
      });
    }
    expect(await disks.get({ id }, false)).toMatchObject({ spec: theirs, specRevision: 2 });
    await disks.delete(id);
    await expect.poll(() => disks.list([])).toEqual([]);
  });
});

test("one that may only look may not change anything", async () => {
  const pair = await issueClientCertificate(ours, { user: "eve", role: "viewer" });
  using transport = connect({
    address: addresses["TCP port"],
    security: { ca: ours.certificate, ...pair, serverName: agent.name },
  });
  const disks = createKindClient("disk", transport);
  expect(await disks.list([])).toEqual([]);
  const id = "11111111-1111-4111-8111-111111111111";
  const spec = { name: "data", size: 2 ** 20, deletion_protection: false };
  await expect(disks.put({ id, spec })).rejects.toMatchObject({ reason: "NOT_ALLOWED" });
  expect(await disks.list([])).toEqual([]);
});
