import { defineConfig } from "vitest/config";
import { namespacePool } from "./test/harness/namespace.ts";

/**
 * The kinds of test that stand in `test/`, in the order in which they run: what is quick comes first. Those of the first
 * two run inside development hosts of their own; `host` is about such hosts, and the rest starts them itself.
 */
const kinds = [
  { name: "contract", include: ["test/contract/**/*.test.ts"], pool: namespacePool },
  { name: "integration", include: ["test/integration/*.test.ts"], pool: namespacePool },
  { name: "host", include: ["test/integration/host/*.test.ts"] },
  { name: "acceptance", include: ["test/acceptance/**/*.test.ts"] },
  { name: "robustness", include: ["test/robustness/**/*.test.ts"] },
  { name: "bench", include: ["test/bench/**/*.test.ts"] },
] as const;

/** Whose files run side by side: much of their time they wait, for Terraform and for guests. */
const parallel: ReadonlySet<string> = new Set(["contract", "acceptance"]);

/** How long a test waits for what has to come, in milliseconds: a guard, not a measure of speed. */
const expected = { poll: { timeout: 120_000 } };

/** What crosses a process lives in `test/`, sorted by kind; unit tests stand beside the code they test. */
export default defineConfig({
  test: {
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["{schemas,provider,agent}/src/**/*.test.ts", "scripts/**/*.test.ts"],
          isolate: false,
          expect: expected,
          testTimeout: 150_000,
          hookTimeout: 150_000,
        },
      },
      ...kinds.map(({ include, ...kind }, index) => ({
        test: {
          ...kind,
          include: [...include],
          // The others break hosts or measure time, and have both processors to themselves.
          fileParallelism: parallel.has(kind.name),
          expect: expected,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: index + 1 },
        },
      })),
    ],
  },
});
