import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Agent } from "../agent.ts";
import { follow } from "./settle.ts";

/** Tells nothing of what is followed. */
const mute = {
  kind: () => ({
    watch: async function* (_: object, { signal }: { readonly signal: AbortSignal }) {
      await sleep(2 ** 30, undefined, { signal });
      yield undefined;
    },
  }),
} as unknown as Agent;

test.each(Object.keys(kinds) as KindName[])(
  "the end of the time for a %s says where to look that there is",
  async (kind) => {
    const late = follow(mute, kind, "x", { signal: AbortSignal.timeout(1) }, () => false);
    await expect(late).rejects.toMatchObject({
      reason: "DEADLINE_EXCEEDED",
      remedy: `Raise the timeout, or look at what holds it up ${
        kind === "vm" ? "with `lodge vm log x`" : "in the log of the host's agent"
      }.`,
    });
  },
);

test("what is interrupted is called by its name, once that is known", async () => {
  const telling = {
    kind: () => ({
      watch: async function* (_: object, { signal }: { readonly signal: AbortSignal }) {
        yield { type: "put", sequence: 1, item: { spec: { name: "web" } } };
        await sleep(2 ** 30, undefined, { signal });
      },
    }),
  } as unknown as Agent;
  const seen = new AbortController();
  const stopped = follow(telling, "vm", "x", { signal: seen.signal }, () => {
    queueMicrotask(() => seen.abort());
    return false;
  });
  await expect(stopped).rejects.toThrow("The wait for the VM web (x) was interrupted");
  const late = new AbortController();
  const waited = follow(telling, "vm", "x", { signal: late.signal }, () => {
    queueMicrotask(() => late.abort(new DOMException("late", "TimeoutError")));
    return false;
  });
  await expect(waited).rejects.toMatchObject({
    message: expect.stringMatching(
      /^The VM web \(x\) did not get there in the time that timeouts/u,
    ),
    remedy: "Raise the timeout, or look at what holds it up with `lodge vm log web`.",
  });
});
