import { readFileSync } from "node:fs";

/** A process that can be recognised for certain: a pid is used again, a pid with its start time is not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Field 22 of `/proc/PID/stat`: clock ticks since the machine booted. */
  readonly startTime: number;
}

/** A line of `/proc/PID/stat`, as far as it is of use. */
interface ProcessStat {
  readonly state: string;
  readonly threads: number;
  readonly startTime: number;
}

function statOf(pid: number): ProcessStat | undefined {
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the program's name in brackets, which may itself hold brackets and spaces.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0] ?? "",
    threads: Number(fields[17]),
    startTime: Number(fields[19]),
  };
}

/** @returns the identity of the process that has `pid` now, or undefined where none has or it has ended. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat && !hasEnded(stat) ? { pid, startTime: stat.startTime } : undefined;
}

/** Whether the process still runs. One that has ended but was not yet reaped (a zombie) does not. */
export function isAlive(process: ProcessIdentity): boolean {
  const stat = statOf(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && !hasEnded(stat);
}

/** Sends a signal to the process, and never to another one that got its pid. @returns whether it was there. */
export function signalProcess(target: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** A zombie's other threads may still be ending, and hold its files open until they have. */
function hasEnded({ state, threads }: ProcessStat): boolean {
  return (state === "Z" && threads <= 1) || state === "X";
}
