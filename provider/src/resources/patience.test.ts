import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { expect, test, vi } from "vitest";
import { deadline } from "./deadline.ts";
import { patiently } from "./patience.ts";

test("a wait for an address is told once at its end, and nothing is written past the log", async () => {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  vi.stubEnv("TF_LOG", "");
  vi.stubEnv("TF_LOG_PROVIDER", "");
  vi.stubEnv("TF_LOG_PROVIDER_LODGE", "");
  const told: string[] = [];
  let refusals = 2;
  try {
    const made = await patiently(
      deadline("create", null, new AbortController().signal),
      (summary, detail) => told.push(`${summary}: ${detail}`),
      () => {
        if (refusals-- > 0)
          throw lodgeError("ADDRESS_TAKEN", "10.20.0.15 cools down.", {
            retryable: true,
            retryAfterMs: 1,
          });
        return Promise.resolve("made");
      },
    );
    expect(made).toBe("made");
    expect(told).toEqual([
      expect.stringMatching(
        /^The apply has waited 1s for an address: 10\.20\.0\.15 cools down\. /u,
      ),
    ]);
    expect(write).not.toHaveBeenCalled();
  } finally {
    write.mockRestore();
    vi.unstubAllEnvs();
  }
});
