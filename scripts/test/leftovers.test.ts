import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { expect, it } from "vitest";
import { endLeftovers, leftovers, markVariable } from "./leftovers.ts";

it("finds and ends processes by their mark, those in sessions of their own too", async () => {
  const mark = randomUUID();
  const env = { ...process.env, [markVariable]: mark };
  const child = spawn("sleep", ["1000"], { env, detached: true, stdio: "ignore" });
  const bystander = spawn("sleep", ["1000"], { stdio: "ignore" });
  try {
    await Promise.all([once(child, "spawn"), once(bystander, "spawn")]);
    const ended = once(child, "exit");
    expect(await endLeftovers(mark, 100)).toEqual([{ pid: child.pid, command: "sleep 1000" }]);
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(leftovers(mark)).toEqual([]);
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull();
  } finally {
    child.kill("SIGKILL");
    bystander.kill("SIGKILL");
  }
});

it("lets what is just ending end", async () => {
  const mark = randomUUID();
  const env = { ...process.env, [markVariable]: mark };
  const child = spawn("sleep", ["0.2"], { env, detached: true, stdio: "ignore" });
  const ended = once(child, "exit");
  expect(await endLeftovers(mark, 600_000)).toEqual([]);
  expect(await ended).toEqual([0, null]);
});

it("finds nothing where nothing is left", async () => {
  expect(await endLeftovers(randomUUID(), 600_000)).toEqual([]);
});
