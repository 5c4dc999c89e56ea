import { timestampDate } from "@bufbuild/protobuf/wkt";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { EventType } from "@lodge/schemas/gen/lodge/agent/v1/common_pb.ts";
import {
  VmLogEntrySchema,
  VmService,
  type VmLogEntry,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Define } from "../command.ts";
import { findVm, vmId, vmName } from "../find-vm.ts";
import { writeLine } from "../io.ts";
import { toJson } from "../json.ts";
import { outputOption, printItem, type OutputOptions } from "../output.ts";
import { printable, styleFor } from "../style.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly follow?: true;
}

/** `lodge vm log`: what happened to a VM, oldest first. */
export const log: Define = (command, io) => {
  addTargetOptions(command)
    .description("Shows what happened to a VM: its newest events, oldest first.")
    .argument("<vm>", "name or id")
    .option("-f, --follow", "go on with what comes, until the VM is gone or Ctrl-C")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nWith -o json every event is one line.\n\nExamples:\n  $ lodge vm log web\n  $ lodge vm log web -f",
    )
    .action((name: string, options: Options) =>
      withAgent(options, io, async (transport) => {
        const client = createClient(VmService, transport);
        const style = styleFor(io.stdout, io.env);
        const show = (entry: VmLogEntry) =>
          printItem(io, options.output, toJson(VmLogEntrySchema, entry), () => {
            const time = entry.time ? timestampDate(entry.time).toISOString() : "";
            return `${style("faint", time)}  ${style("strong", entry.type)}  ${printable(entry.message)}`;
          });
        const vm = await findVm(client, name, io.signal);
        let shown = vm.status?.events ?? [];
        shown.forEach(show);
        if (!options.follow) return;
        for await (const { type, object } of client.watch(
          { id: vmId(vm) },
          { signal: io.signal },
        )) {
          if (type === EventType.DELETE) return writeLine(io.stderr, `${vmName(vm)} is gone.`);
          const events = object?.status?.events;
          if (!events) continue;
          newEntries(shown, events).forEach(show);
          shown = events;
        }
      }),
    );
};

/** The entries of `after` that `before` did not have; the agent keeps the newest alone, so both are windows of one list. */
export function newEntries(
  before: readonly VmLogEntry[],
  after: readonly VmLogEntry[],
): readonly VmLogEntry[] {
  const key = ({ time, type, message }: VmLogEntry) =>
    JSON.stringify([`${time?.seconds}.${time?.nanos}`, type, message]);
  const [old, current] = [before.map(key), after.map(key)];
  const overlap = [...old.keys()].find((start) => {
    const tail = old.slice(start);
    return tail.length <= current.length && tail.every((entry, index) => entry === current[index]);
  });
  return overlap === undefined ? after : after.slice(old.length - overlap);
}
