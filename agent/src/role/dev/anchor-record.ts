import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive } from "../../lib/process.ts";
import type { Anchor } from "./anchor.ts";

const pathOf = (stateDir: string): string => join(stateDir, "anchor.json");

/** The file that tells where the detached anchor of a state directory is. */
export const anchorRecord = {
  /** @returns what is on record, dead or alive; undefined where nothing is. */
  read(stateDir: string): Anchor | undefined {
    try {
      return JSON.parse(readFileSync(pathOf(stateDir), "utf8")) as Anchor;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT" || error instanceof SyntaxError) {
        return undefined;
      }
      throw error;
    }
  },

  /** Puts the anchor on record, in place of a dead one. @returns false where a living one is on record already. */
  write(stateDir: string, anchor: Anchor): boolean {
    const temporary = `${pathOf(stateDir)}.${anchor.pid}`;
    writeFileSync(temporary, `${JSON.stringify(anchor)}\n`);
    try {
      linkSync(temporary, pathOf(stateDir));
      rmSync(temporary);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const other = anchorRecord.read(stateDir);
    if (other && isAlive(other)) {
      rmSync(temporary);
      return false;
    }
    renameSync(temporary, pathOf(stateDir));
    return true;
  },

  /** Removes the record of this anchor, and of no other. */
  remove(stateDir: string, anchor: Anchor): void {
    const recorded = anchorRecord.read(stateDir);
    if (recorded?.pid !== anchor.pid || recorded.startTime !== anchor.startTime) return;
    rmSync(pathOf(stateDir), { force: true });
  },
};
