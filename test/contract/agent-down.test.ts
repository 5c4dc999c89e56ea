import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { agent } from "../../agent/src/cli/agent/agent.ts";
import { run } from "../../agent/src/cli/run.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "lodge-down-")), "dev");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

async function down(...flags: string[]): Promise<string> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, env: {}, signal: new AbortController().signal };
  const load = async () => agent(() => import("../../agent/src/role/agent.ts"), []);
  const entries = [{ name: "agent", summary: "an agent", load }];
  const code = await run(["agent", "--dev", "--down", "--dir", directory, ...flags], entries, io);
  expect(code).toBe(0);
  return String(stdout.read());
}

it("promises no state where there is none", async () => {
  const nothing = `The agent dev does not run.\nThere is no state of an agent in ${directory}.\n`;
  expect(await down()).toBe(nothing);
  expect(await down("--purge")).toBe(nothing);
});

it("says where the state stays, and that it is gone", async () => {
  mkdirSync(directory);
  writeFileSync(join(directory, "agent.json"), '{"name":"dev"}\n');
  expect(await down()).toBe(`The agent dev does not run.\nIts state stays in ${directory}.\n`);
  expect(await down("--purge")).toBe(`The agent dev does not run.\n${directory} is gone.\n`);
});
