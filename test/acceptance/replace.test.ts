/** The real Terraform where objects are replaced, wished for twice, or made while it is interrupted or dies. */
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { identify, signalProcess } from "@lodge/agent/lib/process.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { CoreAgent, type Stand } from "../harness/core-agent.ts";
import { dist } from "../harness/executable.ts";
import { Terraform } from "../harness/terraform.ts";

let agent: CoreAgent;
let terraform: Terraform;
beforeEach(async () => {
  agent = await CoreAgent.start();
  terraform = workspace();
});
afterEach(async () => {
  await terraform[Symbol.asyncDispose]();
  await agent[Symbol.asyncDispose]();
});

const header = `terraform {\n  required_providers {\n    lodge = { source = "lodge/lodge" }\n  }\n}\n`;
const disk = (further = "") =>
  `resource "lodge_disk" "d" {\n  name = "d"\n  size = "32MiB"\n${further}\n}\n`;

function workspace(body = disk()): Terraform {
  const made = new Terraform({
    providers: { "lodge/lodge": join(dist, "terraform-provider-lodge") },
    env: { LODGE_AGENT_DIR: agent.files.directory },
  });
  made.write({ "main.tf": header + body });
  return made;
}

const ids = async (kind: KindName = "disk") =>
  (await agent.world.store.list(kind)).records.map(({ id }) => id);
const idIn = async (of: Terraform, address = "lodge_disk.d") => (await of.state())[address]?.id;
/** A command that must fail, and what it says. */
const refused = async (of: Terraform, ...args: string[]): Promise<string> => {
  const { exitCode, stderr } = await of.run([...args, "-no-color"], { accept: "any" });
  expect(exitCode).toBe(1);
  return stderr.replaceAll(/[\s│╷╵]+/gu, " ");
};
const remaining = async (of: Terraform) => (await of.plan()).changes;

test("a tainted object is planned, refreshed or not, and replaced", async () => {
  await terraform.apply();
  const before = await idIn(terraform);
  await terraform.run(["taint", "lodge_disk.d"]);
  for (const args of [[], ["-refresh=false"]]) {
    const { changes, stdout } = await terraform.plan(...args);
    expect(changes).toEqual({ "lodge_disk.d": "delete/create" });
    expect(stdout.replaceAll(/[\s│╷╵]+/gu, " ")).toContain(
      `Warning: Taken until its holder is deleted: value for name`,
    );
  }
  await terraform.apply();
  expect(await idIn(terraform)).not.toBe(before);
  expect(await ids()).toEqual([await idIn(terraform)]);
  expect(await remaining(terraform)).toEqual({});
});

test("a tainted object whose successor is to come first stays, and the apply says why", async () => {
  const first = "  lifecycle {\n    create_before_destroy = true\n  }";
  terraform.write({ "main.tf": header + disk(first) });
  await terraform.apply();
  const before = await idIn(terraform);
  await terraform.run(["taint", "lodge_disk.d"]);
  expect(await refused(terraform, "apply", "-auto-approve")).toContain(
    "A disk named d exists already",
  );
  expect([await idIn(terraform), await ids()]).toEqual([before, [before]]);
});

test("a protected object is not replaced, whoever asks for it", async () => {
  terraform.write({ "main.tf": header + disk("  deletion_protection = true") });
  await terraform.apply();
  const asked = await refused(terraform, "plan", "-replace=lodge_disk.d");
  expect(asked).toContain("The disk d is protected");
  await terraform.run(["taint", "lodge_disk.d"]);
  for (const refresh of ["true", "false"])
    expect(await refused(terraform, "plan", `-refresh=${refresh}`)).toContain("is protected");
  await terraform.run(["untaint", "lodge_disk.d"]);
  expect(await remaining(terraform)).toEqual({});
});

test("an object that stays is replaced where the user asks for it", async () => {
  await terraform.apply();
  const before = await idIn(terraform);
  await terraform.apply("-replace=lodge_disk.d");
  expect(await idIn(terraform)).not.toBe(before);
  expect(await ids()).toEqual([await idIn(terraform)]);
});

test("two resources with one name are an error at plan", async () => {
  terraform.write({ "main.tf": header + disk("  count = 2") });
  const text = await refused(terraform, "plan");
  expect(text).toMatch(
    /Another disk of this configuration has the name d on the host rack1 as well\. Give each a name of its own\./u,
  );
  // The one that exists already is known to the agent as well.
  terraform.write({ "main.tf": header + disk() });
  await terraform.apply();
  terraform.write({ "main.tf": header + disk() + disk().replace(`"d"`, `"e"`) });
  expect(await refused(terraform, "plan")).toMatch(/has the name d|The disk d stays/u);
});

test("two resources with one name that is known at apply are an error there, and one object", async () => {
  const later = `resource "terraform_data" "name" {\n  input = "d"\n}\n`;
  const two = disk("  count = 2").replace(`name = "d"`, "name = terraform_data.name.output");
  terraform.write({ "main.tf": header + later + two });
  expect(await refused(terraform, "apply", "-auto-approve")).toContain(
    "Give each a name of its own.",
  );
  const state = await terraform.state();
  const known = Object.keys(state).filter((address) => address.startsWith("lodge_disk"));
  expect(known.map((address) => state[address].id)).toEqual(await ids());
});

test("another workspace with the same wish does not take what the first has made", async () => {
  await terraform.apply();
  await using other = workspace();
  const { stdout } = await other.run(["plan", "-no-color"]);
  expect(stdout).toContain("Taken until its holder is deleted");
  expect(await refused(other, "apply", "-auto-approve")).toContain("A disk named d exists already");
  expect(await idIn(other)).toBeUndefined();
});

/** The agent has made the wish durable, and the answer waits. */
function holdAnswer(method: string): { reached: Promise<void>; release: () => void } {
  const [reached, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const stand: Stand = async (request, context, handler) => {
    agent.stands.delete(method);
    const answer = await handler(request as never, context);
    reached.resolve();
    await held.promise;
    return answer;
  };
  agent.stands.set(method, stand);
  return { reached: reached.promise, release: () => held.resolve() };
}

test("Ctrl-C between commit and answer leaves the object in the state", async () => {
  const { reached, release } = holdAnswer("DiskService/Put");
  const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
  await reached;
  running.signalGroup("SIGINT");
  setTimeout(release, 1000);
  const { stderr } = await running.result;
  expect(stderr).not.toMatch(/internal error|Plugin/u);
  expect(await ids()).toEqual([await idIn(terraform)]);
  await terraform.apply();
  expect(await remaining(terraform)).toEqual({});
});

test("Ctrl-C at a plan says so", async () => {
  const { reached, release } = holdAnswer("DiskService/Validate");
  const running = terraform.start(["plan", "-no-color"]);
  await reached;
  running.signalGroup("SIGINT");
  const { stderr } = await running.result;
  release();
  expect(stderr.replaceAll(/[\s│╷╵]+/gu, " ")).toContain(
    "Interrupted: Terraform was asked to stop.",
  );
  expect(stderr).not.toMatch(/internal error/u);
});

test.each(["the provider", "Terraform and the provider"])(
  "what was made when %s was killed is adopted by the next apply",
  async (victim) => {
    const { reached, release } = holdAnswer("DiskService/Put");
    const running = terraform.start(["apply", "-no-color", "-auto-approve"]);
    await reached;
    if (victim === "the provider") {
      for (const pid of terraform.processes()) {
        const provider = pid === running.child.pid ? undefined : identify(pid);
        if (provider) signalProcess(provider, "SIGKILL");
      }
    } else running.signalGroup("SIGKILL");
    release();
    await running.result;
    const [made, ...others] = await ids();
    expect(others).toEqual([]);
    await terraform.apply("-lock=false");
    expect([await idIn(terraform), await ids()]).toEqual([made, [made]]);
    expect(await remaining(terraform)).toEqual({});
  },
);
