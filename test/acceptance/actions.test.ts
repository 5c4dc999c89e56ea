/**
 * What newer versions of Terraform do with a VM that really runs: find it, import it by its identity, and stop, start,
 * reboot and reset its guest. The installed one makes it, and sees nothing of that but what it must.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { plainValue } from "@lodge/provider/sdk/testing/core-value.ts";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import { readIdentity } from "@lodge/schemas/rpc/tls.ts";
import { TestAgent } from "../harness/agent.ts";
import { LodgeTerraform, guestImages, guestKernel, lan, lanNic } from "../harness/lodge.ts";
import { provider } from "../harness/provider.ts";

let agent: TestAgent;
let terraform: LodgeTerraform;
let id: string;

beforeAll(async () => {
  agent = await TestAgent.start();
  const vm = `
resource "lodge_vm" "web" {
  name     = "web"
  memory   = "128MiB"
  wait_for = { ipv4 = true }
  ${guestKernel}
  ${lanNic}
}
`;
  terraform = new LodgeTerraform([agent], `${await guestImages()}${lan}${vm}`);
  await terraform.apply();
  id = (await terraform.state())["lodge_vm.web"].id;
});
afterAll(async () => {
  await terraform?.[Symbol.asyncDispose]();
  await agent?.[Symbol.asyncDispose]();
});

/** A process of the provider, as a newer Terraform would ask it. */
async function newer(): Promise<Core> {
  const { name, socket, caCertificate: ca, clientCertificate, clientKey } = agent.files;
  const identity = await readIdentity({ ca, certificate: clientCertificate, key: clientKey });
  return provider([{ name, endpoint: `unix:${socket}` }], { identity });
}

const shown = async () => (await agent.json("vm", "show", "web")).status;

test.each(["reboot", "reset"])(
  "%s: another boot of the same VM, and nothing to plan",
  async (verb) => {
    const before = await shown();
    const lines = await (await newer()).invoke(`lodge_vm_${verb}`, { vm_id: id });
    expect([lines[0], lines.at(-1)]).toEqual(["web is running", "web is running again"]);
    const after = await shown();
    expect(after.boots).toBe(before.boots + 1);
    expect(after.boot_id).not.toBe(before.boot_id);
    expect((await terraform.plan()).changes).toEqual({});
  },
);

test("stop and start: drift in between, none after it", async () => {
  await (await newer()).invoke("lodge_vm_stop", { vm_id: id });
  expect((await terraform.plan()).changes).toEqual({ "lodge_vm.web": "update" });
  const lines = await (await newer()).invoke("lodge_vm_start", { vm_id: id });
  expect(lines.at(-1)).toBe("web is running");
  expect((await terraform.plan()).changes).toEqual({});
});

test("what is found is what was made, and can be imported as it is", async () => {
  const core = await newer();
  const [listed, ...others] = await core.list(
    "lodge_vm",
    { name_prefix: "w" },
    { wholeState: true },
  );
  expect(others).toEqual([]);
  expect(listed).toMatchObject({ displayName: "dev/web" });
  expect(plainValue(listed!.identity)).toEqual({ id });
  const imported = await core.importByIdentity("lodge_vm", { id });
  expect(imported.state).toEqual(listed!.state);
  const config = await core.generate("lodge_vm", imported);
  expect((await core.plan("lodge_vm", imported, config)).action).toBe("no-op");
});
