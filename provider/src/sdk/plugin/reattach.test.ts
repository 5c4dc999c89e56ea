import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { formatReattach, isReattachMode } from "./reattach.ts";

test("a shell takes the line as it is printed, quotes and all", () => {
  const text = formatReattach("registry.terraform.io/o'brien/x", "/tmp/it's here.sock", 42);
  const assignment = text.split("\n").find((line) => line.includes("TF_REATTACH_PROVIDERS="));
  const json = execFileSync(
    "/bin/sh",
    ["-c", `${assignment}\nprintf %s "$TF_REATTACH_PROVIDERS"`],
    {
      encoding: "utf8",
    },
  );
  expect(JSON.parse(json)).toEqual({
    "registry.terraform.io/o'brien/x": {
      Protocol: "grpc",
      ProtocolVersion: 6,
      Pid: 42,
      Test: true,
      Addr: { Network: "unix", String: "/tmp/it's here.sock" },
    },
  });
});

test("only its own flags ask for it", () => {
  expect(isReattachMode(["node", "main.js"])).toBe(false);
  expect(isReattachMode(["node", "main.js", "-debug"])).toBe(true);
  expect(isReattachMode(["node", "main.js", "--debug"])).toBe(true);
  expect(isReattachMode(["node", "main.js", "--debugger"])).toBe(false);
});
