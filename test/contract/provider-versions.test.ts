/** A provider with agents of other versions: one that knows less, one that knows more, one that is too old. */
import { create } from "@bufbuild/protobuf";
import { HostSchema } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { apiVersion, oldestApiVersion, version } from "@lodge/schemas/version.ts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CoreAgent } from "../harness/core-agent.ts";
import { attempt, attributes, provider } from "../harness/provider.ts";

const cleanup = new Set<CoreAgent>();
afterEach(async () => {
  for (const agent of cleanup) await agent[Symbol.asyncDispose]();
  cleanup.clear();
});

async function host(...without: string[]): Promise<CoreAgent> {
  const agent = await CoreAgent.start({ without });
  cleanup.add(agent);
  await agent.world.furnish();
  return agent;
}

const web = { name: "web", memory: "128MiB", disks: { root: { size: "1GiB" } } };
const kinds = ["Network", "AddressPool", "Image", "Disk", "Vm"];

/** A field that only the other side knows: number 99, the word "more". */
const unknownField = () => [{ no: 99, wireType: 2, data: new Uint8Array([4, 109, 111, 114, 101]) }];

describe("an older agent", () => {
  test("that gives no opinions is asked at apply", async () => {
    const agent = await host(...kinds.map((kind) => `${kind}Service/Validate`));
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    const core = await provider([agent]);
    expect((await core.plan("lodge_vm", item, { ...web, cpus: 5 })).action).toBe("update");
    const { error } = await attempt(core, "lodge_vm", item, { ...web, cpus: 5 });
    expect(error).toMatch(/5 virtual CPUs are more than/u);
  });

  test("that takes no uploads says so", async () => {
    const agent = await host("ImageService/Upload");
    const path = `${agent.files.directory}/agent.json`;
    const { instance, error } = await attempt(await provider([agent]), "lodge_image", undefined, {
      name: "i",
      local_path: path,
    });
    expect(instance).toBeUndefined();
    expect(error).toMatch(
      /^Unable to create lodge_image: .* does not have .*ImageService\/Upload\. Bring both sides to the same version\. \(METHOD_UNKNOWN\)$/u,
    );
  });

  test("that answers a claim with everything is understood", async () => {
    const agent = await host();
    agent.stands.set("VmService/List", (request, context, handler) =>
      handler({ ...request, claimedOnly: false } as never, context),
    );
    const items = [];
    for (const name of ["a", "b"])
      items.push(await (await provider([agent])).apply("lodge_vm", undefined, { ...web, name }));
    const core = await provider([agent]);
    for (const item of items) expect(await core.refresh("lodge_vm", item)).toEqual(item);
    expect((await agent.world.store.list("vm")).records.every(({ claimed }) => claimed)).toBe(true);
  });

  test("that knows less of a wish refuses it, by name, at plan and at apply", async () => {
    const agent = await host();
    for (const method of ["Put", "Validate"]) {
      // To this agent deletion_protection is a number.
      agent.stands.set(`VmService/${method}`, (request, context, handler) => {
        if (request.spec.deletionProtection) {
          request.spec.deletionProtection = undefined;
          request.spec.$unknown = [{ no: 13, wireType: 0, data: new Uint8Array([1]) }];
        }
        return handler(request as never, context);
      });
    }
    // Each command of Terraform has a process of its own.
    const command = () => provider([agent]);
    const secured = { ...web, deletion_protection: true };
    await expect((await command()).plan("lodge_vm", undefined, secured)).rejects.toThrow(
      /^Invalid VM: `deletion_protection` is not known to this agent; upgrade it, or leave out what is newer than it\. \(SPEC_INVALID\)$/u,
    );
    const validate = agent.stands.get("VmService/Validate")!;
    agent.stands.set("VmService/Validate", async () => ({}));
    const { instance, error } = await attempt(await command(), "lodge_vm", undefined, secured);
    expect(instance).toBeUndefined();
    expect(error).toMatch(
      /^Unable to create lodge_vm: .*`deletion_protection` is not known to this agent/u,
    );
    agent.stands.set("VmService/Validate", validate);
    // What it knows, it does.
    expect((await attempt(await command(), "lodge_vm", undefined, web)).error).toBeUndefined();
  });

  test("that tells less of what is leaves it out of the state", async () => {
    const agent = await host();
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    agent.stands.set("VmService/List", async (request, context, handler) => {
      const answer = (await handler(request as never, context)) as {
        items: { status: Record<string, unknown> }[];
      };
      for (const { status } of answer.items) status["diskStatus"] = [];
      return answer;
    });
    const core = await provider([agent]);
    const read = await core.refresh("lodge_vm", item);
    expect(attributes(read!)).toEqual({ ...attributes(item), disk_status: [] });
    expect((await core.plan("lodge_vm", read, web)).action).toBe("no-op");
  });

  test("that is too old is refused before anything is changed, with both versions", async () => {
    const agent = await host();
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    agent.stands.set("HostService/Get", async () =>
      create(HostSchema, { name: "rack1", version: "0.0.1", apiVersion: oldestApiVersion - 1 }),
    );
    const text = `The agent of rack1 has version 0.0.1 (interface ${oldestApiVersion - 1}), and this provider, version ${version}, needs interface ${oldestApiVersion}. Upgrade the agent, or use an older provider.`;
    const core = await provider([agent]);
    expect((await attempt(core, "lodge_vm", undefined, { ...web, name: "db" })).error).toContain(
      text,
    );
    await expect(core.refresh("lodge_vm", item)).rejects.toThrow(text);
    await expect(core.import("lodge_vm", "rack1/web")).rejects.toThrow(text);
    expect((await agent.world.store.list("vm")).records).toHaveLength(1);
  });
});

describe("a newer agent", () => {
  let agent: CoreAgent;
  beforeEach(async () => {
    agent = await host();
    agent.stands.set("HostService/Get", async (request, context, handler) => ({
      ...((await handler(request as never, context)) as object),
      version: "99.0.0",
      apiVersion: apiVersion + 98,
    }));
  });

  /** Has every answer of a method say more. */
  function more(method: string, change: (item: Record<string, unknown>) => void): void {
    agent.stands.set(method, (request, context, handler) => {
      const answer = handler(request as never, context);
      if (!(answer instanceof Promise)) {
        return (async function* () {
          for await (const event of answer as AsyncIterable<{ object?: Record<string, unknown> }>) {
            if (event.object?.["status"]) change(event.object);
            yield event;
          }
        })();
      }
      return answer.then((told: Record<string, unknown>) => {
        for (const item of (told["items"] as Record<string, unknown>[] | undefined) ?? [told])
          change(item);
        return told;
      });
    });
  }
  const everywhere = (change: (item: Record<string, unknown>) => void): void => {
    for (const method of ["Put", "Get", "List", "Watch"]) more(`VmService/${method}`, change);
  };

  test("that tells more is understood as far as it is known", async () => {
    everywhere((item) => {
      for (const part of [item, item["meta"], item["spec"], item["status"]])
        (part as { $unknown: unknown }).$unknown = unknownField();
    });
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    const renamed = await (await provider([agent])).apply("lodge_vm", item, { ...web, name: "db" });
    expect(attributes(renamed)).toMatchObject({ name: "db", ready: true });
    await (await provider([agent])).destroy("lodge_vm", renamed);
  });

  test("that has new words for what is shows them by number, and is asked for what is wished", async () => {
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    everywhere((vm) => Object.assign(vm["status"] as object, { phase: 77, actualPowerState: 9 }));
    const core = await provider([agent]);
    const { action, refreshed, planned } = await core.plan("lodge_vm", item, web);
    expect(attributes(refreshed!)["actual_power_state"]).toBe("unknown_9");
    expect([action, attributes({ state: planned })["actual_power_state"]]).toEqual([
      "update",
      "running",
    ]);
    agent.stands.clear();
    const again = await core.plan("lodge_vm", item, web);
    const after = await core.resource("lodge_vm").apply(again, web);
    expect(attributes(after!)).toMatchObject({ actual_power_state: "running", ready: true });
  });

  test("that was told a new word by somebody else is told a known one again", async () => {
    const item = await (await provider([agent])).apply("lodge_vm", undefined, web);
    let edited = false;
    everywhere((vm) => edited || Object.assign(vm["spec"] as object, { onRestartRequired: 9 }));
    const core = await provider([agent]);
    const plan = await core.plan("lodge_vm", item, web);
    expect(attributes(plan.refreshed!)["on_restart_required"]).toBe("unknown_9");
    expect(plan.action).toBe("update");
    edited = true;
    const after = await core.resource("lodge_vm").apply(plan, web);
    expect(attributes(after!)).toMatchObject({ on_restart_required: "defer", ready: true });
    await expect(core.import("lodge_vm", "rack1/web")).resolves.toMatchObject({
      state: { ready: true },
    });
  });

  test("tells of events that nobody knows, which change nothing", async () => {
    agent.stands.set("VmService/Watch", async function* (request, context, handler) {
      yield { type: 42, sequence: 1n };
      yield* handler(request as never, context) as AsyncIterable<object>;
    });
    expect(
      attributes(await (await provider([agent])).apply("lodge_vm", undefined, web))["ready"],
    ).toBe(true);
  });
});
