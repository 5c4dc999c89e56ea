import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { identify, isAlive, signalProcess } from "./process.ts";

it("recognises a process, and not another with its pid", () => {
  const self = identify(process.pid)!;
  expect(isAlive(self)).toBe(true);
  const other = { ...self, startTime: self.startTime - 1 };
  expect(isAlive(other)).toBe(false);
  expect(signalProcess(other, "SIGKILL")).toBe(false);
});

it("knows no process that does not run", () => {
  expect(identify(2 ** 22 + 1)).toBeUndefined();
  expect(isAlive({ pid: 2 ** 22 + 1, startTime: 0 })).toBe(false);
});

it("reads past brackets and spaces in a program's name", async () => {
  const script = `printf 'a) Z 1 (b' >/proc/$$/comm; echo up; read -r line`;
  const named = spawn("sh", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  await once(named.stdout, "data");
  expect(readFileSync(`/proc/${named.pid}/stat`, "utf8")).toContain("(a) Z 1 (b)");
  const identity = identify(named.pid!);
  expect(identity && isAlive(identity)).toBe(true);
  expect(identity!.startTime).toBeGreaterThanOrEqual(identify(process.pid)!.startTime);
  named.stdin.end("\n");
  await once(named, "exit");
  expect(isAlive(identity!)).toBe(false);
});

it("takes a process that has ended but was not reaped for ended", async () => {
  // The shell never waits for what it has put into the background.
  const script = "sh -c 'echo $$; read -r line' <&3 & exec sleep 1000";
  const parent = spawn("sh", ["-c", `exec 3<&0; ${script}`], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [chunk] = (await once(parent.stdout, "data")) as [Buffer];
  const zombie = identify(Number(chunk.toString()))!;
  expect(isAlive(zombie)).toBe(true);
  parent.stdin.end("\n");
  await expect.poll(() => isAlive(zombie)).toBe(false);
  expect(readFileSync(`/proc/${zombie.pid}/stat`, "utf8")).toContain(") Z ");
  expect(identify(zombie.pid)).toBeUndefined();
  expect(signalProcess(zombie, "SIGTERM")).toBe(false);
  parent.kill("SIGKILL");
  await once(parent, "exit");
});
