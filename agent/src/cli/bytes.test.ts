import { expect, it } from "vitest";
import { readableBytes } from "./bytes.ts";

it.each([
  [0, "0 bytes"],
  [900, "900 bytes"],
  [1024, "1 KiB"],
  [1.5 * 2 ** 30, "1.5 GiB"],
  [84_532_000_000, "79 GiB"],
  [2 ** 60, "1048576 TiB"],
])("%d is %s", (bytes, text) => {
  expect(readableBytes(bytes)).toBe(text);
});
