/** A program in the form in which Node keeps it inside its own executable (a single executable application). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pinnedNode } from "../build/launcher.ts";

/** What Node runs when it starts. */
export interface Program {
  /** Of a script, as stacks show it. */
  readonly name: string;
  readonly kind: "script" | "snapshot";
  readonly main: Uint8Array;
  /** Given to Node at every start; neither NODE_OPTIONS nor arguments add to them. */
  readonly nodeFlags: readonly string[];
  /** Keeps a script compiled as well: for the architecture that this runs on alone. */
  readonly compiled: boolean;
}

const magic = 0x0143da20;
const snapshotFlag = 2;

/** @returns the blob, as the pinned Node writes and reads it. */
export function seaBlob({ name, kind, main, nodeFlags, compiled }: Program): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "lodge-sea-"));
  try {
    writeFileSync(join(directory, name), main);
    const config = {
      main: name,
      output: "blob",
      disableExperimentalSEAWarning: true,
      useCodeCache: compiled,
      execArgv: nodeFlags,
      execArgvExtension: "none",
    };
    writeFileSync(join(directory, "config"), JSON.stringify(config));
    // Code that was compiled under other flags is not used.
    execFileSync(pinnedNode(), [...nodeFlags, "--experimental-sea-config", "config"], {
      cwd: directory,
      env: {},
      stdio: ["ignore", "ignore", "pipe"],
    });
    const blob = readFileSync(join(directory, "blob"));
    if (blob.readUInt32LE(0) !== magic) throw new Error("Node's blob has an unknown form");
    // Node would make the snapshot itself, with its own compiled code, which ties it to a kind of processor.
    if (kind === "snapshot") blob.writeUInt32LE(blob.readUInt32LE(4) | snapshotFlag, 4);
    return blob;
  } finally {
    rmSync(directory, { recursive: true });
  }
}
