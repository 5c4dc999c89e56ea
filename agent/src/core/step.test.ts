import { expect, test } from "vitest";
import { FakeClock } from "../lib/clock.fake.ts";
import { silentLog } from "../lib/log.ts";
import { crashAt, runStep, stepNames } from "./step.ts";

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

test("a crash point kills at its step, its moment and its count", async () => {
  const kills = async (point: string) => {
    let killed = 0;
    const hook = crashAt(point, () => {
      killed += 1;
    });
    const seen: number[] = [];
    for (let i = 0; i < 3; i++) {
      for (const moment of ["before", "after"] as const) {
        await hook("plug_nic", moment);
        await hook("start_machine", moment);
        seen.push(killed);
      }
    }
    return seen.indexOf(1);
  };
  expect(await kills("plug_nic:before")).toBe(0);
  expect(await kills("plug_nic:after")).toBe(1);
  expect(await kills("start_machine:after:3")).toBe(5);
  expect(await kills("commit_vm:after")).toBe(-1);
});

test.each([
  "",
  "plug_nic",
  "plug:after",
  "plug_nic:during",
  "plug_nic:after:0",
  "plug_nic:after:1:2",
])("%j is no crash point", (point) => {
  expect(() => crashAt(point, () => {})).toThrow(TypeError);
});

test("the names of steps are words of their own", () => {
  expect(new Set(stepNames).size).toBe(stepNames.length);
});
