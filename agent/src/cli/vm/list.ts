import { createClient } from "@lodge/schemas/rpc/client.ts";
import { VmSchema, VmService, type Vm } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { formatSize } from "@lodge/schemas/spec/size.ts";
import type { Define } from "../command.ts";
import { vmName } from "../find-vm.ts";
import { writeLine } from "../io.ts";
import { toJson } from "../json.ts";
import { outputOption, print, type OutputOptions } from "../output.ts";
import { styleFor } from "../style.ts";
import { table, type Column } from "../table.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";
import { addressText, phaseCell, reasonText } from "./words.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly quiet?: true;
}

const columns: readonly Column[] = [
  "NAME",
  "PHASE",
  "ADDRESS",
  { title: "CPUS", align: "right" },
  { title: "MEMORY", align: "right" },
  "ID",
  "NOTE",
];

/** `lodge vm list`: every VM of the host, by name. */
export const list: Define = (command, io) => {
  addTargetOptions(command)
    .description("Lists the VMs of a host.")
    .addOption(outputOption())
    .option("-q, --quiet", "names alone, one on a line")
    .addHelpText(
      "after",
      "\nExamples:\n  $ lodge vm list\n  $ lodge vm list -o json | jq '.[].spec.name'",
    )
    .action(async (options: Options) => {
      const { items } = await withAgent(options, io, (transport) =>
        createClient(VmService, transport).list({}, { signal: io.signal }),
      );
      const vms = items.toSorted((a, b) => (vmName(a) < vmName(b) ? -1 : 1));
      if (options.quiet) return vms.forEach((vm) => writeLine(io.stdout, vmName(vm)));
      const style = styleFor(io.stdout, io.env);
      const json = vms.map((vm) => toJson(VmSchema, vm));
      print(io, options.output, json, () =>
        vms.length === 0 ? "No VMs." : table(columns, vms.map(row), style),
      );
    });
};

function row(vm: Vm) {
  const { cpus = 0, memory = 0n } = vm.spec ?? {};
  return [
    { text: vmName(vm), tone: "strong" as const },
    phaseCell(vm),
    addressText(vm),
    `${cpus}`,
    formatSize(Number(memory)),
    vm.meta?.id ?? "",
    note(vm),
  ];
}

function note(vm: Vm): string {
  const waiting = vm.status?.restartRequired ?? [];
  const restart = waiting.length > 0 ? [`restart needed for ${waiting.join(", ")}`] : [];
  return [...restart, reasonText(vm)].filter((text) => text !== "").join("; ");
}
