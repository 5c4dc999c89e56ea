import { expect, test } from "vitest";
import { answer } from "./answer.ts";
import type { Session } from "./session.ts";

const session = { onError: () => undefined } as unknown as Session;

async function detail(thrown: unknown): Promise<string | undefined> {
  const call = { session, verb: "create", type: "lodge_vm" };
  const { diagnostics } = await answer(call, () => Promise.reject(thrown));
  return diagnostics[0]?.detail;
}

test("an error says what happened, what helps, and under which code more is to be found", async () => {
  const error = new Error("The disk is attached.");
  expect(await detail(error)).toBe("The disk is attached.");
  Object.assign(error, { remedy: "Detach it." });
  expect(await detail(error)).toBe("The disk is attached. Detach it.");
  Object.assign(error, { reason: "DISK_ATTACHED" });
  expect(await detail(error)).toBe("The disk is attached. Detach it. (DISK_ATTACHED)");
  Object.assign(error, { remedy: undefined, reason: "" });
  expect(await detail(error)).toBe("The disk is attached.");
});

test("what is no error is said as it is", async () => {
  expect(await detail("no idea")).toBe("no idea");
  expect(await detail("")).toBe("The provider gave no reason.");
});
