import { expect, it } from "vitest";
import type { TestModule } from "vitest/node";
import { summarize } from "./reporter.ts";

interface FakeTest {
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped" | "pending";
  readonly note?: string;
  readonly mode?: string;
}

function module(name: string, state: string, tests: readonly FakeTest[]): TestModule {
  const children = tests.map(({ name: fullName, state, note, mode = "run" }) => ({
    fullName,
    options: { mode },
    result: () => ({ state, note }),
  }));
  return {
    relativeModuleId: name,
    state: () => state,
    children: { allTests: () => children.values() },
  } as unknown as TestModule;
}

it("counts tests, and names what failed and what was skipped and why", () => {
  const modules = [
    module("a.test.ts", "failed", [
      { name: "one", state: "passed" },
      { name: "two", state: "failed" },
      { name: "three", state: "skipped", note: "KVM probe: emulated" },
      { name: "four", state: "skipped", mode: "skip" },
      { name: "five", state: "skipped", mode: "todo" },
    ]),
    module("b.test.ts", "passed", [{ name: "six", state: "passed" }]),
  ];
  expect(summarize(modules, 0)).toEqual({
    passed: 2,
    failed: ["a.test.ts > two"],
    skipped: [
      { name: "a.test.ts > three", reason: "KVM probe: emulated" },
      { name: "a.test.ts > four", reason: "marked as skipped in the test file" },
      { name: "a.test.ts > five", reason: "not written yet" },
    ],
  });
});

it("misses nothing that no test owns", () => {
  const broken = module("broken.test.ts", "failed", []);
  const hung = module("hung.test.ts", "passed", [{ name: "stuck", state: "pending" }]);
  expect(summarize([broken, hung], 1)).toEqual({
    passed: 0,
    failed: ["broken.test.ts", "hung.test.ts > stuck", "an error outside of any test"],
    skipped: [],
  });
});
