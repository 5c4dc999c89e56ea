import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { startAnchor, stopAnchor, type AnchorMode } from "./anchor.ts";

/** Whether a development host can be made here, found out by making one with a bridge and a tap in it. */
export interface DevProbe {
  /** How it can be made; undefined where it cannot. */
  readonly mode: AnchorMode | undefined;
  /** What was tried and failed, in words, the first wish first; what helps stands beside it. */
  readonly obstacles: readonly {
    readonly mode: AnchorMode;
    readonly message: string;
    readonly remedy: string;
  }[];
}

/** Tries namespaces without rights first, and for root then those of root's own. Changes nothing. */
export async function probeDev(): Promise<DevProbe> {
  const modes: readonly AnchorMode[] = process.getuid?.() === 0 ? ["user", "root"] : ["user"];
  const obstacles: DevProbe["obstacles"][number][] = [];
  for (const mode of modes) {
    try {
      await stopAnchor(await startAnchor({ lifetime: "parent", mode }));
      return { mode, obstacles };
    } catch (error) {
      if (!(error instanceof LodgeError)) throw error;
      obstacles.push({ mode, message: error.message, remedy: error.remedy ?? "" });
    }
  }
  return { mode: undefined, obstacles };
}
