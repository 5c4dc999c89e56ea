import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { findProgram } from "../../lib/program-path.ts";
import { sudoMayHelp, withSudo } from "./sudo.ts";

const forbidden = lodgeError("NAMESPACE_FORBIDDEN", "AppArmor forbids user namespaces", {
  remedy: "use sudo",
});
const options = { name: "dev", directory: "/d", listen: "127.0.0.1:0", imageRoots: ["/i"] };
let directory: string;
let stderr: PassThrough;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "lodge-sudo-"));
  stderr = new PassThrough();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
});

function run() {
  const [stdin, stdout] = [new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal };
  return withSudo(forbidden, ["/node", "/main.js"], options, ["--detach"], io);
}

it("says why, runs the same command as root, and answers its exit code", async () => {
  const sudo = join(directory, "sudo");
  await writeFile(sudo, `#!/bin/sh\nprintf '%s\\n' "$@" >${directory}/said\nexit 7\n`);
  await chmod(sudo, 0o755);
  vi.stubEnv("PATH", `${directory}:${process.env["PATH"]}`);
  expect(await run()).toBe(7);
  expect(String(stderr.read())).toBe(
    "AppArmor forbids user namespaces.\nSo the same is done with sudo.\n",
  );
  const said = (await readFile(join(directory, "said"), "utf8")).trim().split("\n");
  expect(said).toEqual([
    "--",
    "/node",
    "/main.js",
    "agent",
    "--dev",
    "--name=dev",
    "--dir=/d",
    "--listen=127.0.0.1:0",
    "--image-root=/i",
    "--detach",
  ]);
});

it("throws what was wrong where there is no sudo", async (context) => {
  if (findProgram("sudo", { PATH: directory })) context.skip("sudo is installed here");
  vi.stubEnv("PATH", directory);
  await expect(run()).rejects.toBe(forbidden);
});

it("is of no use to root, nor against other errors", () => {
  const getuid = vi.spyOn(process, "getuid");
  getuid.mockReturnValue(1000);
  expect(sudoMayHelp(forbidden)).toBe(true);
  expect(sudoMayHelp(lodgeError("AGENT_RUNNING", "it runs"))).toBe(false);
  getuid.mockReturnValue(0);
  expect(sudoMayHelp(forbidden)).toBe(false);
  getuid.mockRestore();
});
