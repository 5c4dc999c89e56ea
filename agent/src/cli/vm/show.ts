import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { VmSchema, VmService, type Vm } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { formatSize } from "@lodge/schemas/spec/size.ts";
import type { Define } from "../command.ts";
import { findVm, vmName } from "../find-vm.ts";
import { toJson } from "../json.ts";
import { outputOption, print, type OutputOptions } from "../output.ts";
import { styleFor, type Style } from "../style.ts";
import { facts, table, type Cell } from "../table.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";
import { acceleratorText, phaseCell, powerText, reasonText } from "./words.ts";

/** `lodge vm show`: what is wanted of one VM, and what is. */
export const show: Define = (command, io) => {
  addTargetOptions(command)
    .description("Shows what is wanted of a VM, and what is.")
    .argument("<vm>", "name or id")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ lodge vm show web\n  $ lodge vm show web -o json | jq .status.nic_status",
    )
    .action(async (name: string, options: TargetOptions & OutputOptions) => {
      const vm = await withAgent(options, io, (transport) =>
        findVm(createClient(VmService, transport), name, io.signal),
      );
      const style = styleFor(io.stdout, io.env);
      print(io, options.output, toJson(VmSchema, vm), () => describe(vm, style));
    });
};

function describe(vm: Vm, style: Style): string {
  const { meta, spec, status } = vm;
  const rows: (readonly [string, Cell])[] = [
    ["name", vmName(vm)],
    ["id", meta?.id ?? ""],
    ["host", meta?.host ?? ""],
    ["phase", phaseCell(vm)],
    ["note", reasonText(vm)],
    ["power", power(vm)],
    ["cpus", `${spec?.cpus ?? ""}`],
    ["memory", formatSize(Number(spec?.memory ?? 0n))],
    ["boots from", boots(vm)],
    ["machine", [status?.machineType ?? "", acceleratorText(status?.accelerator)].join(" ").trim()],
    ["restart needed for", status?.restartRequired.join(", ") ?? ""],
    ["created", moment(meta?.createTime)],
    ["started", moment(status?.startedAt)],
    ["process", status?.pid === undefined ? "" : `${status.pid}`],
    ["boots", `${status?.boots ?? 0}`],
    ["revision", `${meta?.specRevision ?? 0n}, applied ${meta?.observedRevision ?? 0n}`],
  ];
  const parts = [
    facts(
      rows.filter(([, value]) => value !== ""),
      style,
    ),
  ];
  if (status && status.nicStatus.length > 0) parts.push(nics(vm, style));
  if (status && status.diskStatus.length > 0) parts.push(disks(vm, style));
  return parts.join("\n\n");
}

function power(vm: Vm): string {
  const [wanted, actual] = [powerText(vm.spec?.powerState), powerText(vm.status?.actualPowerState)];
  return wanted === actual || actual === "" ? wanted : `${actual}, wanted ${wanted}`;
}

function boots({ spec }: Vm): string {
  if (spec?.kernel) return `kernel ${spec.kernel.imageId ?? ""}`;
  const order = spec?.bootOrder.length ? spec.bootOrder : Object.keys(spec?.disks ?? {}).toSorted();
  return order.join(", ");
}

function nics({ status }: Vm, style: Style): string {
  return table(
    ["NIC", "ADDRESS", "MAC", "DHCP", "NETWORK"],
    (status?.nicStatus ?? []).map((nic) => [
      nic.name,
      nic.ipv4Address ?? "",
      nic.mac,
      nic.acknowledged ? { text: "acknowledged", tone: "good" } : "",
      nic.networkId,
    ]),
    style,
  );
}

function disks({ spec, status }: Vm, style: Style): string {
  return table(
    ["DISK", { title: "SIZE", align: "right" }, "ID", "OWNED BY"],
    (status?.diskStatus ?? []).map((disk) => [
      disk.name,
      formatSize(Number(disk.sizeBytes)),
      disk.diskId,
      spec?.disks[disk.name]?.diskId === undefined ? "this VM" : "a lodge_disk",
    ]),
    style,
  );
}

function moment(time: Timestamp | undefined): string {
  return time ? timestampDate(time).toISOString() : "";
}
