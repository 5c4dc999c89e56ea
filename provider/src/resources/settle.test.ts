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
        kind === "vm" ? "with `lodge vm log`" : "in the log of the host's agent"
      }.`,
    });
  },
);
