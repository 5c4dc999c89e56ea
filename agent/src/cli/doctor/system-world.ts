import { open, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { exec } from "../../lib/exec.ts";
import { findProgram } from "../../lib/program-path.ts";
import type { Io } from "../io.ts";
import type { TargetOptions } from "../target.ts";
import type { World } from "./check.ts";

/** What other parts of the executable find out by trying; commands know them not, so they are handed in. */
export type Probes = Pick<World, "probeAccelerator" | "probeDev">;

/** This machine. */
export function systemWorld(target: TargetOptions, probes: Probes, io: Io): World {
  return {
    env: io.env,
    target,
    isRoot: process.getuid?.() === 0,
    now: new Date(),
    which: (name) => findProgram(name, io.env),
    run: async (file, args, signal) => (await exec(file, args, { signal, timeout: 20_000 })).stdout,
    openProblem,
    freeBytes,
    probeAccelerator: (signal) => probes.probeAccelerator(signal),
    probeDev: () => probes.probeDev(),
  };
}

async function openProblem(path: string): Promise<string | undefined> {
  try {
    await (await open(path, "r+")).close();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "unknown error";
  }
}

/** A directory that is not there yet will be made where its parent is. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    const parent = dirname(path);
    if (parent === path) throw error;
    return await freeBytes(parent);
  }
}
