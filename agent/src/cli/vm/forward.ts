import { createClient } from "@lodge/schemas/rpc/client.ts";
import { PowerState, VmService, type Vm } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { forwardTarget } from "../../lib/forward-target.ts";
import { listenError } from "../../lib/listen-error.ts";
import type { Define } from "../command.ts";
import { findVm, vmId, vmName } from "../find-vm.ts";
import { writeLine, type Io } from "../io.ts";
import { outputOption, printItem, type OutputOptions } from "../output.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { relay } from "./relay.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly nic?: string;
}

/** `lodge vm forward`: a port of this machine leads to a port of the guest. */
export const forward: Define = (command, io) => {
  addTargetOptions(command)
    .description(
      "Makes a guest's TCP port reachable at 127.0.0.1, until Ctrl-C. The agent makes the connection, so it works from wherever the agent can be reached.",
    )
    .argument("<vm>", "name or id")
    .argument(
      "<[local:]port>",
      "port of the guest, and which port here leads to it; 0 or none: any free one",
    )
    .option("--nic <name>", "interface of the guest; default the primary one")
    .addOption(outputOption())
    .addHelpText(
      "after",
      "\nExamples:\n  $ lodge vm forward web 8080:80\n  $ lodge vm forward db 5432 --nic eth1\n  $ port=$(lodge vm forward web 80 -o json | head -1 | jq .local_port)",
    )
    .action((name: string, ports: string, options: Options) => {
      const { local, remote } = parsePorts(ports);
      return withAgent(options, io, async (transport) => {
        const client = createClient(VmService, transport);
        const vm = await findVm(client, name, io.signal);
        const target = { vmId: vmId(vm), nic: options.nic ?? "", port: remote };
        // A port that leads nowhere would say so at its first connection alone.
        forwardTarget(forwardable(vm), target.nic);
        const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
          relay(client, target, socket, io.signal).catch((error: unknown) => {
            if (!io.signal.aborted)
              writeLine(io.stderr, `Connection ended: ${(error as Error).message}`);
          });
        });
        const port = await listen(server, local);
        const facts = { vm_id: target.vmId, nic: target.nic || null, port: remote };
        printItem(
          io,
          options.output,
          { ...facts, local_address: "127.0.0.1", local_port: port },
          () => `127.0.0.1:${port} leads to port ${remote} of ${vmName(vm)}. Ctrl-C ends it.`,
        );
        await interrupted(server, io);
      });
    });
};

function forwardable(vm: Vm): Parameters<typeof forwardTarget>[0] {
  return {
    id: vmId(vm),
    name: vmName(vm),
    running: vm.status?.actualPowerState === PowerState.RUNNING,
    primaryNic: vm.spec?.primaryNic,
    nics: (vm.status?.nicStatus ?? []).map(({ name, networkId, ipv4Address }) => ({
      name,
      networkId,
      ipv4Address,
    })),
  };
}

/** `80`, `8080:80` or `:80`. Throws UsageError. */
export function parsePorts(text: string): { readonly local: number; readonly remote: number } {
  const match = /^(?:(?<local>\d{0,5}):)?(?<remote>\d{1,5})$/u.exec(text);
  const local = Number(match?.groups?.["local"] ?? 0);
  const remote = Number(match?.groups?.["remote"]);
  if (!match || remote < 1 || remote > 65_535 || local > 65_535) {
    throw new UsageError(`${text} is no port: give PORT or LOCAL:PORT, such as 8080:80.`);
  }
  return { local, remote };
}

async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (cause) {
    const remedy = "Choose another local port, or none for any free one.";
    throw listenError(`127.0.0.1:${port}`, cause, remedy);
  }
  return (server.address() as AddressInfo).port;
}

/** Resolves when the command is told to end; connections end with the transport. */
async function interrupted(server: Server, io: Io): Promise<void> {
  if (!io.signal.aborted) await once(io.signal, "abort");
  server.close();
}
