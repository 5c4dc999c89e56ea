import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { expect, test, vi } from "vitest";
import { Patience } from "./patience.ts";

const connection = (connected: boolean) => ({
  address: "rack1:6800",
  connected: () => Promise.resolve(connected),
});
const { signal } = new AbortController();
const never = ({ signal }: { readonly signal?: AbortSignal }) =>
  new Promise<never>((_, reject) =>
    signal!.addEventListener("abort", () => reject(signal!.reason as Error)),
  );

test("a host without a connection is waited for once, by all who ask", async () => {
  const patience = new Patience("rack1", connection(false));
  const text = "The host rack1 (rack1:6800) cannot be reached: there was no connection within 5 s.";
  const asked = vi.fn(never);
  const answers = await Promise.allSettled([
    patience.ask(asked, signal),
    patience.ask(asked, signal),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await expect(patience.ask(asked, signal)).rejects.toMatchObject({
    message: text,
    reason: "UNREACHABLE",
  });
  expect(asked).toHaveBeenCalledTimes(2);
});

test("a host that gives no answer is not asked again", async () => {
  const patience = new Patience("rack1", connection(true));
  const asked = vi.fn(() => Promise.reject(lodgeError("DEADLINE_EXCEEDED", "late")));
  for (let turn = 0; turn < 3; turn++) {
    await expect(patience.ask(asked, signal)).rejects.toThrow(
      "The host rack1 (rack1:6800) has taken the call, and given no answer within 15 s.",
    );
  }
  expect(asked).toHaveBeenCalledTimes(1);
});

test("what a host answers is no failure of it, and neither is Ctrl-C", async () => {
  const patience = new Patience("rack1", connection(true));
  const refused = () => Promise.reject(lodgeError("NOT_ALLOWED", "no"));
  const lost = () => Promise.reject(lodgeError("CONNECTION_LOST", "it restarts"));
  const late = () => Promise.reject(lodgeError("UNREACHABLE", "gone"));
  await expect(patience.ask(refused, signal)).rejects.toThrow("no");
  await expect(patience.ask(lost, signal)).rejects.toThrow("it restarts");
  await expect(patience.ask(late, AbortSignal.abort())).rejects.toThrow("gone");
  expect(await patience.ask(() => Promise.resolve("yes"), signal)).toBe("yes");
});
