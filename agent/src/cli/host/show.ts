import { HostSchema, HostService, type Host } from "@lodge/schemas/gen/lodge/agent/v1/host_pb.ts";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { readableBytes } from "../bytes.ts";
import { version } from "@lodge/schemas/version.ts";
import type { Define } from "../command.ts";
import { toJson } from "../json.ts";
import { outputOption, print, type OutputOptions } from "../output.ts";
import { styleFor, type Style } from "../style.ts";
import { facts, table } from "../table.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";

/** `lodge host show`: what an agent says of its host. */
export const show: Define = (command, io) => {
  addTargetOptions(command)
    .description("Shows a host: its agent, what accelerates guests there, and what it can do.")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ lodge host show\n  $ lodge host show --endpoint rack1.example.net:6800 -o json",
    )
    .action(async (options: TargetOptions & OutputOptions) => {
      const host = await withAgent(options, io, (transport) =>
        createClient(HostService, transport).get({ clientVersion: version }, { signal: io.signal }),
      );
      const style = styleFor(io.stdout, io.env);
      print(io, options.output, toJson(HostSchema, host), () => describe(host, style));
    });
};

function describe(host: Host, style: Style): string {
  const told = host.capabilities.some(({ reason }) => reason === host.acceleratorReason);
  const committed = readableBytes(Number(host.memoryCommittedBytes));
  const summary = facts(
    [
      ["name", host.name],
      ["agent", `${host.version}, interface ${host.apiVersion}`],
      [
        "accelerator",
        [host.accelerator, told ? "" : host.acceleratorReason].filter(Boolean).join(": "),
      ],
      ["qemu", [host.qemuVersion, host.machineType].filter(Boolean).join(", ")],
      ["cpus", `${host.cpus}`],
      ["memory", `${readableBytes(Number(host.memoryBytes))}, ${committed} promised to VMs`],
      ["images from", host.imageRoots.join(", ")],
    ],
    style,
  );
  if (host.capabilities.length === 0) return summary;
  const rows = host.capabilities.map(({ name, available, reason }) => [
    name,
    available
      ? ({ text: "yes", tone: "good" } as const)
      : ({ text: "no", tone: "warning" } as const),
    reason,
  ]);
  return `${summary}\n\n${table(["CAPABILITY", "", "WHY"], rows, style)}`;
}
