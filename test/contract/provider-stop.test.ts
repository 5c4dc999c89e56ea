/** Guests that end otherwise than they were asked to: what of that a user reads, and what the state says. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Core } from "@lodge/provider/sdk/testing/core.ts";
import type { Instance } from "@lodge/provider/sdk/testing/core-error.ts";
import { CoreAgent } from "../harness/core-agent.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

let agent: CoreAgent;
let core: Core;
beforeEach(async () => {
  agent = await CoreAgent.start();
  core = await provider([agent]);
});
afterEach(() => agent[Symbol.asyncDispose]());

const web = (more: object = {}) => ({
  name: "web",
  memory: "128MiB",
  shutdown_timeout: "10s",
  ...more,
});
const make = (config: object = web()): Promise<Instance> =>
  agent.during(core.apply("lodge_vm", undefined, config));
const told = () => core.caller.warnings.map(({ summary, detail }) => `${summary}: ${detail}`);
const forced =
  "The VM web was stopped by force: Its guest did not shut itself down within shutdown_timeout (10s). What it had not written to its disks yet is lost.";

describe("a guest that does not heed its power button", () => {
  beforeEach(() => {
    agent.world.hypervisor.obedient = false;
  });

  test("is said to have been stopped by force, by an update", async () => {
    const item = await make();
    const stopped = web({ power_state: "stopped" });
    const { instance, warnings } = await agent.during(attempt(core, "lodge_vm", item, stopped));
    expect(warnings).toEqual([forced]);
    // Of what happened then, the next update says nothing.
    const renamed = { ...stopped, name: "web2" };
    expect((await agent.during(attempt(core, "lodge_vm", instance, renamed))).warnings).toEqual([]);
  });

  test("and by a destroy", async () => {
    const item = await make();
    await agent.during(core.destroy("lodge_vm", item));
    expect(told()).toEqual([forced]);
  });

  test("but not where it was given no time for it", async () => {
    const item = await make(web({ shutdown_timeout: "0s" }));
    await agent.during(core.destroy("lodge_vm", item));
    expect(told()).toEqual([]);
  });
});

test("a guest that shuts itself down is no matter for words", async () => {
  const item = await make();
  await agent.during(core.destroy("lodge_vm", item));
  expect(told()).toEqual([]);
});

test("a VM that is not as wished for is not ready", async () => {
  const item = await make();
  expect(attributes(item)["ready"]).toBe(true);
  agent.world.hypervisor.guestPowersOff(attributes(item)["id"]);
  await agent.world.quiet();
  const later = await provider([agent]);
  const seen = (await later.refresh("lodge_vm", item))!;
  expect(attributes(seen)).toMatchObject({ actual_power_state: "stopped", ready: false });
  const mended = await agent.during(later.apply("lodge_vm", seen, web()));
  expect(attributes(mended)).toMatchObject({ actual_power_state: "running", ready: true });
});
