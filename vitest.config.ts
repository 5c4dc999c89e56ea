import { defineConfig } from "vitest/config";

/** The kinds of test that stand in `test/`, in the order in which they run: what is quick comes first. */
const kinds = ["contract", "integration", "acceptance", "robustness", "bench"] as const;

/** What crosses a process lives in `test/`, sorted by kind; unit tests stand beside the code they test. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{schemas,provider,agent}/src/**/*.test.ts", "scripts/**/*.test.ts"],
          isolate: false,
          testTimeout: 30_000,
        },
      },
      ...kinds.map((name, index) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          // Guests share two processors with everything else: the limits are guards, and files come one by one.
          fileParallelism: name === "contract",
          testTimeout: 600_000,
          hookTimeout: 600_000,
          sequence: { groupOrder: index + 1 },
        },
      })),
    ],
  },
});
