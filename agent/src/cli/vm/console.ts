import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import {
  VmService,
  type ConsoleRequestSchema,
  type ConsoleResponse,
  type Vm,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { once } from "node:events";
import type { Define } from "../command.ts";
import { findVm, vmId, vmName } from "../find-vm.ts";
import { writeLine, type Io } from "../io.ts";
import { outputOption, printItem, type OutputOptions } from "../output.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";
import { chunksOf } from "./chunks.ts";
import { EscapeFilter, escapeHelp } from "./escape.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly history?: true;
}

type Request = MessageInitShape<typeof ConsoleRequestSchema>;

/** `lodge vm console`: the serial console, its history first; any number of them at once. */
export const consoleCommand: Define = (command, io) => {
  addTargetOptions(command)
    .description("Opens a VM's serial console: what was said before first, then what comes.")
    .argument("<vm>", "name or id")
    .option("--history", "only what was said so far, or last where it does not run")
    .addOption(outputOption())
    .addHelpText("after", help)
    .action((name: string, options: Options) =>
      withAgent(options, io, async (transport) => {
        const client = createClient(VmService, transport);
        const vm = await findVm(client, name, io.signal);
        await (options.history
          ? history(client, vm, options, io)
          : attach(client, vm, options, io));
      }),
    );
};

const help = `
On a terminal: ${escapeHelp}. Ctrl-C goes to the guest.
On a pipe what is read is typed, and the output goes on until Ctrl-C. Several people can look at once.
With -o json every piece of output is one line.

Examples:
  $ lodge vm console web
  $ lodge vm console web --history | grep -i error
  $ echo reboot | timeout 5 lodge vm console web`;

async function history(
  client: Client<typeof VmService>,
  vm: Vm,
  options: Options,
  io: Io,
): Promise<void> {
  const open: Request = { part: { case: "open", value: { vmId: vmId(vm), historyOnly: true } } };
  await show(client.console(once1(open), { signal: io.signal }), options, io);
}

async function attach(
  client: Client<typeof VmService>,
  vm: Vm,
  options: Options,
  io: Io,
): Promise<void> {
  const terminal = io.stdin.isTTY === true;
  const left = new AbortController();
  const signal = AbortSignal.any([io.signal, left.signal]);
  if (terminal) {
    writeLine(io.stderr, `Console of ${vmName(vm)}; ${escapeHelp}.`);
    io.stdin.setRawMode?.(true);
  }
  try {
    const requests = typing(vm, io, terminal, left);
    await show(client.console(requests, { signal }), options, io);
    writeLine(io.stderr, "The agent closed the console.");
  } catch (error) {
    if (!left.signal.aborted) throw error;
    writeLine(io.stderr, "\r\nLeft the console; the guest runs on.");
  } finally {
    left.abort();
    if (terminal) io.stdin.setRawMode?.(false);
    io.stdin.pause();
  }
}

async function* once1(request: Request): AsyncGenerator<Request> {
  yield request;
}

/** What goes to the guest. The end of a pipe is no end of the console: its reader may want the answer. */
async function* typing(
  vm: Vm,
  io: Io,
  terminal: boolean,
  left: AbortController,
): AsyncGenerator<Request> {
  yield { part: { case: "open", value: { vmId: vmId(vm) } } };
  const escape = new EscapeFilter();
  for await (const chunk of chunksOf(io.stdin, left.signal)) {
    const { input, leave } = terminal ? escape.feed(chunk) : { input: chunk, leave: false };
    if (input.length > 0) yield { part: { case: "input", value: input } };
    if (leave) left.abort();
  }
  await once(left.signal, "abort");
}

async function show(
  responses: AsyncIterable<ConsoleResponse>,
  { output: format }: OutputOptions,
  io: Io,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const { output } of responses) {
    if (format === "json") {
      const text = decoder.decode(output, { stream: true });
      if (text !== "") printItem(io, format, { output: text }, () => text);
    } else if (!io.stdout.write(output)) {
      await once(io.stdout, "drain", { signal: io.signal });
    }
  }
}
