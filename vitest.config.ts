import { defineConfig } from "vitest/config";

/** What crosses a process lives in `test/`, sorted by kind; unit tests stand beside the code they test. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "unit",
          include: ["{schemas,provider,agent}/src/**/*.test.ts"],
          isolate: false,
          testTimeout: 30_000,
        },
      },
    ],
  },
});
