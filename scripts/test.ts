/**
 * Every kind of test, from installed packages to the line that counts them. `--all` leaves out no sample; other
 * arguments go to vitest, and the static checks are then left out: `npm test -- --project unit agent/src/cli`.
 */
import { randomInt, randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "../agent/src/lib/program-path.ts";
import { requirements, uefiFirmware } from "../agent/src/lib/requirements.ts";
import { command, CommandError } from "./lib/command.ts";
import { takeGuestOptions } from "./lib/guest-options.ts";
import { busybox, ensurePackages, systemInstaller } from "./lib/packages.ts";
import { ensureProcessor } from "./lib/processor.ts";
import { heading, note, seconds, step } from "./lib/progress.ts";
import { buildGuest } from "./guest/build.ts";
import { endLeftovers, markVariable } from "./test/leftovers.ts";
import { summaryVariable, type Summary } from "./test/reporter.ts";

const root = join(import.meta.dirname, "..");
const checks = ["types", "lint", "format:check", "unused"] as const;

const interrupted = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => interrupted.abort());

try {
  ensureProcessor();
  process.exitCode = await main(takeGuestOptions(process.argv.slice(2), process.env));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 2;
}

async function main(args: readonly string[]): Promise<number> {
  const all = args.includes("--all") || process.env["LODGE_TEST_ALL"] === "1";
  const chosen = args.filter((arg) => arg !== "--all");
  const seed = process.env["LODGE_TEST_SEED"] || String(randomInt(2 ** 31));
  const mark = randomUUID();
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules", ".bin")}:${programPath(process.env)}`,
    LODGE_TEST_SEED: seed,
    [markVariable]: mark,
    ...(all && { LODGE_TEST_ALL: "1" }),
  };
  heading(`Lodge's tests: ${all ? "all of them" : "with a sample of the slow ones"}, seed ${seed}`);
  const begin = performance.now();
  const failed: string[] = [];
  let passed = 0;
  const attempt = async (name: string, body: () => Promise<unknown>) => {
    interrupted.signal.throwIfAborted();
    try {
      await step(name, body);
      passed++;
    } catch (error) {
      if (interrupted.signal.aborted) throw error;
      failed.push(name);
      console.log((error as Error).message);
    }
  };
  let summary: Summary = { passed: 0, failed: [], skipped: [] };
  try {
    await attempt("packages", () =>
      ensurePackages(
        [...requirements, busybox(process.env), uefiFirmware],
        systemInstaller(interrupted.signal),
      ),
    );
    await attempt("build", () => npm("build", env));
    // Beforehand: most tests run where no network leads to the packages that it is made from.
    await attempt("small guest", () => buildGuest({ progress: note, signal: interrupted.signal }));
    if (chosen.length === 0)
      for (const check of checks) await attempt(`check: ${check}`, () => npm(check, env));
    summary = await vitest(chosen, env);
  } catch (error) {
    failed.push(interrupted.signal.aborted ? "interrupted" : "the run itself");
    if (!interrupted.signal.aborted) console.log((error as Error).message);
  }
  for (const { pid, command } of await endLeftovers(mark, interrupted.signal.aborted ? 0 : 10_000))
    failed.push(`left behind: process ${pid}, ${command}`);
  report(
    { ...summary, passed: summary.passed + passed, failed: [...failed, ...summary.failed] },
    begin,
    seed,
  );
  return failed.length + summary.failed.length === 0 && summary.passed > 0 ? 0 : 1;
}

function npm(script: string, env: NodeJS.ProcessEnv): Promise<unknown> {
  const signal = interrupted.signal;
  return command("npm", ["run", "--silent", script], { cwd: root, env, signal });
}

async function vitest(chosen: readonly string[], env: NodeJS.ProcessEnv): Promise<Summary> {
  const directory = mkdtempSync(join(tmpdir(), "lodge-test-"));
  const path = join(directory, "summary.json");
  heading("vitest");
  try {
    const reporters = ["default", join(import.meta.dirname, "test", "reporter.ts")];
    const args = ["run", ...reporters.map((name) => `--reporter=${name}`), ...chosen];
    await command(process.execPath, [join(root, "node_modules", "vitest", "vitest.mjs"), ...args], {
      cwd: root,
      env: { ...env, [summaryVariable]: path },
      output: "show",
      accept: [0, 1],
      signal: interrupted.signal,
    });
    return JSON.parse(readFileSync(path, "utf8")) as Summary;
  } catch (error) {
    if (error instanceof CommandError) return { passed: 0, failed: ["vitest itself"], skipped: [] };
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function report({ passed, failed, skipped }: Summary, begin: number, seed: string): void {
  if (skipped.length > 0) heading("Skipped");
  for (const { name, reason } of skipped) note(`${name}: ${reason}`);
  if (failed.length > 0) heading("Failed");
  for (const name of failed) note(name);
  heading(
    `All of it took ${seconds(performance.now() - begin)}; LODGE_TEST_SEED=${seed} repeats the sample.`,
  );
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
}
