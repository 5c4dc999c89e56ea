/** Regenerates everything under `schemas/src/gen` from the protobuf files; `--check` compares instead of writing. */
import { spawnSync } from "node:child_process";

const result = spawnSync("buf", ["generate"], { stdio: "inherit" });
process.exit(result.status ?? 1);
