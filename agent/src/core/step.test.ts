import { expect, test } from "vitest";
import { FakeClock } from "../lib/clock.fake.ts";
import { silentLog } from "../lib/log.ts";
import { runStep, stepNames } from "./step.ts";

const of = { kind: "vm", id: "1" } as const;

test("a step tells its moments around its effect, and none after a failure", async () => {
  const seen: string[] = [];
  const options = {
    log: silentLog,
    clock: new FakeClock(),
    onStep: (name: string, moment: string) => void seen.push(`${moment} ${name}`),
  };
  await runStep(options, "plug_nic", of, async () => void seen.push("effect"));
  const failing = runStep(options, "power_down", of, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(seen).toEqual(["before plug_nic", "effect", "after plug_nic", "before power_down"]);
});

test("the names of steps are words of their own", () => {
  expect(new Set(stepNames).size).toBe(stepNames.length);
});
