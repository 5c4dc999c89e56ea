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
  let now = 0;
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  try {
    const made = await patiently(
      deadline("create", null, new AbortController().signal),
      (summary, detail) => told.push(`${summary}: ${detail}`),
      () => {
        now += 300;
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
    clock.mockRestore();
    write.mockRestore();
    vi.unstubAllEnvs();
  }
});

test.each([
  ["leaves", "made"],
  ["may leave", "A VM named web exists already. The apply has waited 20s for that to change."],
  ["stays", "A VM named web exists already. The apply has waited 20s for that to change."],
] as const)("a holder that %s is waited for as long as it may take", async (outlook, expected) => {
  let now = performance.now();
  const clock = vi.spyOn(performance, "now").mockImplementation(() => now);
  let asked = 0;
  try {
    const made = await patiently(
      deadline("create", null, new AbortController().signal),
      undefined,
      () => {
        if (asked++ > 1) return Promise.resolve("made");
        // The first refusal comes at once, the second after twenty seconds.
        if (asked > 1) now += 20_000;
        const retryable = asked === 1;
        throw lodgeError("NAME_TAKEN", "A VM named web exists already.", { retryable });
      },
      () => Promise.resolve(outlook),
    ).catch(({ message }: Error) => message);
    expect(made).toBe(expected);
  } finally {
    clock.mockRestore();
  }
});
