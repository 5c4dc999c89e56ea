import type { Environment } from "@lodge/schemas/rpc/local-agent.ts";
import type { TargetOptions } from "../target.ts";

/** `missing`: something that is needed. `warning`: it goes without, but worse. */
export type CheckStatus = "ok" | "warning" | "missing";

/** What a check found. */
export interface Finding {
  readonly name: string;
  readonly status: CheckStatus;
  /** What is there, or what is wrong. */
  readonly detail: string;
  /** What to do about it; none where all is well. */
  readonly remedy?: string;
}

/** What the checks may look at, so that a test can hand them another machine. Nothing here changes anything. */
export interface World {
  readonly env: Environment;
  readonly target: TargetOptions;
  readonly isRoot: boolean;
  /** The path of a program or file; undefined where there is none. */
  which(name: string): string | undefined;
  /** What a program prints; throws where it fails. */
  run(file: string, args: readonly string[], signal: AbortSignal): Promise<string>;
  /** Why a file cannot be opened for reading and writing; undefined where it can. */
  openProblem(path: string): Promise<string | undefined>;
  /** Free bytes of the file system that would hold the path. */
  freeBytes(path: string): Promise<number>;
  /** What accelerates guests here, and why. */
  probeAccelerator(
    signal: AbortSignal,
  ): Promise<{ readonly accelerator: "kvm" | "tcg"; readonly reason: string }>;
  /** Whether a development host can be made here, and what is in the way. */
  probeDev(): Promise<{
    readonly mode: "user" | "root" | undefined;
    readonly obstacles: readonly {
      readonly mode: "user" | "root";
      readonly message: string;
      readonly remedy: string;
    }[];
  }>;
  readonly now: Date;
}

/** Looks at one thing, or at several of a kind. */
export type Check = (world: World, signal: AbortSignal) => Promise<readonly Finding[]>;
