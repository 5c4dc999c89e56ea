#!/usr/bin/env node
/** The executable `lodge`: its roles and client commands, each loaded when it is asked for. */
import { isSea } from "node:sea";
import type { Entry } from "./cli/command.ts";
import { clientCommands } from "./cli/commands.ts";
import { processIo } from "./cli/process-io.ts";
import { run } from "./cli/run.ts";

/** What runs this executable once more: what is released is one file, which finds its program in itself. */
const program = [process.execPath, ...(isSea() ? [] : [...process.execArgv, process.argv[1]!])];

const roles: readonly Entry[] = [
  {
    name: "agent",
    summary: "start and end a development agent",
    load: async () => {
      const { agent } = await import("./cli/agent/agent.ts");
      return agent(() => import("./role/agent.ts"), program);
    },
  },
];

const doctor: Entry = {
  name: "doctor",
  summary: "what this machine lacks, and what helps",
  load: async () => {
    const [command, world] = await Promise.all([
      import("./cli/doctor/doctor.ts"),
      import("./cli/doctor/system-world.ts"),
    ]);
    return command.doctor(async (target, io) =>
      world.systemWorld(target, await import("./role/agent/probes.ts"), io),
    );
  },
};

void run(process.argv.slice(2), [...clientCommands, doctor, ...roles], processIo()).then((code) =>
  // All that was held has been let go: a forgotten timer must not keep an agent that was told to end.
  process.exit(code),
);
