import { resolve } from "node:path";
import { expect, it } from "vitest";
import { takeGuestOptions } from "./guest-options.ts";

it("takes what names files of the guest, in both spellings, and leaves the rest", () => {
  const env: NodeJS.ProcessEnv = {};
  const args = [
    "--all",
    "--kernel-package",
    "a.deb",
    "--busybox=/b",
    "x",
    "--kernel-package=/c.deb",
  ];
  expect(takeGuestOptions(args, env)).toEqual(["--all", "x"]);
  expect(env).toEqual({
    LODGE_KERNEL_PACKAGES: `${resolve("a.deb")}:/c.deb`,
    LODGE_BUSYBOX: "/b",
  });
});

it("leaves the environment alone where nothing is named", () => {
  const env: NodeJS.ProcessEnv = { LODGE_BUSYBOX: "/mine" };
  expect(takeGuestOptions(["--destroy"], env)).toEqual(["--destroy"]);
  expect(env).toEqual({ LODGE_BUSYBOX: "/mine" });
});

it.each([["--busybox"], ["--kernel-package="]])("%s without a file is a mistake", (arg) => {
  expect(() => takeGuestOptions([arg], {})).toThrow("takes the path of a file");
});
