/** What an agent notices of clients that are killed while it answers them. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CoreAgent, type Stand } from "../harness/core-agent.ts";
import { runs } from "../harness/provider.ts";

let agent: CoreAgent;
beforeAll(async () => void (agent = await CoreAgent.start()));
afterAll(() => agent[Symbol.asyncDispose]());

test("all calls of a client that is killed end, also where the agent was writing to it", async () => {
  const program = join(import.meta.dirname, "..", "harness", "busy-client.ts");
  const open = new Set<AbortSignal>();
  let before = 0;
  let victim: number | undefined;
  const watched: Stand = (request, context, handler) => {
    open.add(context.signal);
    context.signal.addEventListener("abort", () => open.delete(context.signal));
    return handler(request as never, context);
  };
  agent.stands.set("DiskService/Watch", watched);
  agent.stands.set("DiskService/Put", (request, context, handler) => {
    if (victim !== undefined && before-- === 0) {
      process.kill(victim, "SIGKILL");
      victim = undefined;
    }
    return handler(request as never, context);
  });
  for (let round = 0; round < runs(4); round++) {
    const client = fork(program, [agent.files.directory, agent.name]);
    await once(client, "message");
    [before, victim] = [(5 * round) % 12, client.pid];
    await once(client, "exit");
    await expect.poll(() => open.size, { timeout: 30_000, interval: 50 }).toBe(0);
  }
});
