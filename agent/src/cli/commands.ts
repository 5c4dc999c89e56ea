import type { Entry } from "./command.ts";

/** The commands that talk to an agent, and completion. What each does is loaded when it is asked for. */
export const clientCommands: readonly Entry[] = [
  {
    name: "vm",
    summary: "look at VMs, talk to them, stop and start them",
    verbs: [
      {
        name: "list",
        summary: "every VM of the host",
        load: async () => (await import("./vm/list.ts")).list,
      },
      {
        name: "show",
        summary: "what is wanted of a VM, and what is",
        load: async () => (await import("./vm/show.ts")).show,
      },
      {
        name: "console",
        summary: "the serial console",
        load: async () => (await import("./vm/console.ts")).consoleCommand,
      },
      {
        name: "log",
        summary: "what happened to a VM",
        load: async () => (await import("./vm/log.ts")).log,
      },
      {
        name: "forward",
        summary: "reach a TCP port of a guest from here",
        load: async () => (await import("./vm/forward.ts")).forward,
      },
      {
        name: "stop",
        summary: "shut guests down",
        load: async () => (await import("./vm/stop.ts")).stop,
      },
      {
        name: "start",
        summary: "start guests",
        load: async () => (await import("./vm/start.ts")).start,
      },
    ],
  },
  {
    name: "host",
    summary: "look at a host",
    verbs: [
      {
        name: "show",
        summary: "its agent, its accelerator, what it can do",
        load: async () => (await import("./host/show.ts")).show,
      },
    ],
  },
  {
    name: "completion",
    summary: "completion for bash, zsh or fish",
    load: async () => (await import("./completion.ts")).completion,
  },
];
