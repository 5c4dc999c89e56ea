/** Counts a run of vitest into a file, for the line that ends a test run. Given to vitest by its path. */
import { writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";

/** A test that did not run, and why. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

/** The whole run. */
export interface Summary {
  readonly passed: number;
  /** Names of what failed: tests, files that did not load, errors that no test owns. */
  readonly failed: readonly string[];
  readonly skipped: readonly Skipped[];
}

/** Where the summary goes. */
export const summaryVariable = "LODGE_TEST_SUMMARY";

export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    const path = process.env[summaryVariable];
    if (path) writeFileSync(path, JSON.stringify(summarize(modules, unhandled.length)));
  }
}

/** Counts what the modules hold. */
export function summarize(modules: readonly TestModule[], unhandled: number): Summary {
  let passed = 0;
  const failed: string[] = [];
  const skipped: Skipped[] = [];
  for (const module of modules) {
    const own = failed.length;
    for (const test of module.children.allTests()) {
      const name = `${module.relativeModuleId} > ${test.fullName}`;
      const result = test.result();
      if (result.state === "passed") passed++;
      else if (result.state === "skipped") {
        skipped.push({ name, reason: result.note ?? reasonOf(test.options.mode) });
      } else failed.push(name);
    }
    // A file that does not load, or whose hooks fail, has no failed test of its own.
    if (module.state() === "failed" && failed.length === own) failed.push(module.relativeModuleId);
  }
  for (let count = 0; count < unhandled; count++) failed.push("an error outside of any test");
  return { passed, failed, skipped };
}

function reasonOf(mode: string | undefined): string {
  return mode === "todo" ? "not written yet" : "marked as skipped in the test file";
}
