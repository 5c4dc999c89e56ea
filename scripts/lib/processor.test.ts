import { expect, it } from "vitest";
import { ensureProcessor } from "./processor.ts";

it("refuses a processor that guests cannot run on, and says what is possible", () => {
  expect(() => ensureProcessor("x64")).not.toThrow();
  expect(() => ensureProcessor("arm64")).toThrow(/arm64.*x86-64.*use an agent on such a host/u);
});
