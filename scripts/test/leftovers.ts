/** Processes that a test run left behind: all of its processes carry its mark in their environment. */
import { readFileSync, readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** The environment variable that marks the processes of one run. */
export const markVariable = "LODGE_TEST_RUN";

export interface Leftover {
  readonly pid: number;
  readonly command: string;
}

/** The living processes that carry `mark`, but for this one. */
export function leftovers(mark: string): readonly Leftover[] {
  const entry = `${markVariable}=${mark}`;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/u.test(name) && Number(name) !== process.pid)
    .filter((pid) => read(`/proc/${pid}/environ`).split("\0").includes(entry))
    .map((pid) => ({
      pid: Number(pid),
      command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim(),
    }));
}

/**
 * Ends what was left, by pid, and waits until it is gone.
 * @param grace for how long what is just ending may do so by itself, in milliseconds
 * @returns what had not ended by then
 */
export async function endLeftovers(mark: string, grace: number): Promise<readonly Leftover[]> {
  const begin = performance.now();
  while (performance.now() - begin < grace && leftovers(mark).length > 0) await sleep(50);
  const found = leftovers(mark);
  for (let round = 0; leftovers(mark).length > 0 && round < 100; round++) {
    for (const { pid } of leftovers(mark)) kill(pid);
    await sleep(50);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already, or another user's.
  }
}

/** Empty for a process that has ended or is another user's. A zombie's environment is empty too. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
