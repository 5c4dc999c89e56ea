#!/usr/bin/env node
/** The executable `lodge`: its roles and client commands, each loaded when it is asked for. */
import { clientCommands } from "./cli/commands.ts";
import { processIo } from "./cli/process-io.ts";
import { run } from "./cli/run.ts";

process.exitCode = await run(process.argv.slice(2), clientCommands, processIo());
