import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, it } from "vitest";
import { agent } from "../../agent/src/cli/agent/agent.ts";
import { run } from "../../agent/src/cli/run.ts";

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "lodge-down-")), "dev");
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true }));

type Said = { readonly out: string; readonly note: string };

const down = (...flags: string[]): Promise<Said> => downIn({}, "--dir", directory, ...flags);

async function downIn(env: Readonly<Record<string, string>>, ...flags: string[]): Promise<Said> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const io = { stdin, stdout, stderr, env, signal: new AbortController().signal };
  const load = async () => agent(() => import("../../agent/src/role/agent.ts"), []);
  const entries = [{ name: "agent", summary: "an agent", load }];
  const code = await run(["agent", "--dev", "--down", ...flags], entries, io);
  expect(code).toBe(0);
  return { out: String(stdout.read() ?? ""), note: String(stderr.read() ?? "") };
}

it("says in its help where images may come from by itself", async () => {
  const stream = new PassThrough();
  const load = async () => agent(() => import("../../agent/src/role/agent.ts"), []);
  const io = { stdin: stream, stdout: stream, stderr: stream, env: {} };
  const { signal } = new AbortController();
  const entries = [{ name: "agent", summary: "an agent", load }];
  expect(await run(["agent", "--help"], entries, { ...io, signal })).toBe(0);
  const help = String(stream.read()).replaceAll(/\s+/gu, " ");
  expect(help).toContain("repeatable (default: import/ in its directory alone)");
});

it("says that there is nothing to end, and succeeds all the same", async () => {
  const note = `There is no agent named dev: nothing runs, and nothing is in ${directory}.\n`;
  for (const flags of [[], ["--purge"]]) expect(await down(...flags)).toEqual({ out: "", note });
  const named = await down("--name", "nosuch");
  expect(named).toEqual({ out: "", note: note.replace("dev:", "nosuch:") });
  const { out, note: said } = await down("--output", "json");
  expect(said).toBe(note);
  expect(JSON.parse(out)).toEqual({ name: "dev", directory, was_running: false, purged: false });
});

it("says where the state stays, and that it is gone", async () => {
  mkdirSync(directory);
  writeFileSync(join(directory, "agent.json"), '{"name":"dev"}\n');
  const stays = `The agent dev does not run.\nIts state stays in ${directory}.\n`;
  expect(await down()).toEqual({ out: stays, note: "" });
  const gone = `The agent dev does not run.\n${directory} is gone.\n`;
  expect(await down("--purge")).toEqual({ out: gone, note: "" });
});

it("takes the directory of all agents away with the last one, and no other directory", async () => {
  const state = dirname(directory);
  const made = (name: string) => {
    mkdirSync(join(state, "lodge", name), { recursive: true });
    writeFileSync(join(state, "lodge", name, "agent.json"), `{"name":"${name}"}\n`);
    return name;
  };
  const purge = (name: string) => downIn({ XDG_STATE_HOME: state }, "--purge", "--name", name);
  const names = ["rack1", "rack2"].map(made);
  await purge(names[0]!);
  expect(readdirSync(join(state, "lodge"))).toEqual(["rack2"]);
  await purge(names[1]!);
  expect(readdirSync(state)).toEqual([]);
  await down("--purge", "--dir", join(state, "lodge", made("rack3")));
  expect(readdirSync(state)).toEqual(["lodge"]);
});
