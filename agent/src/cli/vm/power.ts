/** `lodge vm stop` and `lodge vm start`: the same edit of the wish, with another word. */
import { clone } from "@bufbuild/protobuf";
import { createClient } from "@lodge/schemas/rpc/client.ts";
import { LodgeError, lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import { EventType } from "@lodge/schemas/gen/lodge/agent/v1/common_pb.ts";
import {
  PowerState,
  VmPhase,
  VmSchema,
  VmService,
  VmSpecSchema,
  type Vm,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { formatDuration, parseDuration } from "@lodge/schemas/spec/duration.ts";
import type { Command } from "commander";
import { findVm, vmId, vmName } from "../find-vm.ts";
import { writeLine, type Io } from "../io.ts";
import { toJson } from "../json.ts";
import { outputOption, print, type OutputOptions } from "../output.ts";
import { addTargetOptions, withAgent, type TargetOptions } from "../target.ts";
import { UsageError } from "../usage-error.ts";
import { phaseText, reasonText } from "./words.ts";

interface Options extends TargetOptions, OutputOptions {
  readonly wait?: true;
  readonly timeout: string;
}

/** How often an edit is tried again that somebody else's edit came before. */
const attempts = 5;

/** Defines a command that changes the wanted power state of one or more VMs. */
export function definePower(command: Command, io: Io, wanted: PowerState): void {
  const word = wanted === PowerState.RUNNING ? "start" : "stop";
  addTargetOptions(command)
    .argument("<vm...>", "names or ids")
    .option("-w, --wait", "wait until it is so, and show the way there")
    .option("--timeout <duration>", "how long to wait at most", "5m")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `\nExamples:\n  $ lodge vm ${word} web\n  $ lodge vm ${word} web db --wait --timeout 2m`,
    )
    .action((names: readonly string[], options: Options) => {
      const timeout = parseDuration(options.timeout);
      if (timeout === undefined) {
        throw new UsageError(
          `--timeout must be a duration such as 30s or 5m, not ${options.timeout}.`,
        );
      }
      return withAgent(options, io, async (transport) => {
        const client = createClient(VmService, transport);
        const vms = await Promise.all(
          names.map(async (name) => {
            const asked = await setPower(client, name, wanted, io.signal);
            return options.wait ? waitFor(client, asked, wanted, timeout, io) : asked;
          }),
        );
        print(
          io,
          options.output,
          vms.map((vm) => toJson(VmSchema, vm)),
          () => vms.map((vm) => `${vmName(vm)}: ${outcome(vm, wanted)}`).join("\n"),
        );
      });
    });
}

/** Edits the wish, from what it is now: an edit that came between is read and kept. */
async function setPower(
  client: Client<typeof VmService>,
  name: string,
  wanted: PowerState,
  signal: AbortSignal,
): Promise<Vm> {
  for (let attempt = 1; ; attempt++) {
    const vm = await findVm(client, name, signal);
    const spec = clone(VmSpecSchema, vm.spec!);
    spec.powerState = wanted;
    const expectedRevision = vm.meta?.specRevision ?? 0n;
    try {
      return await client.put({ id: vmId(vm), spec, expectedRevision }, { signal });
    } catch (error) {
      const outrun = error instanceof LodgeError && error.is("REVISION_MISMATCH");
      if (!outrun || attempt === attempts) throw error;
    }
  }
}

async function waitFor(
  client: Client<typeof VmService>,
  asked: Vm,
  wanted: PowerState,
  timeout: number,
  io: Io,
): Promise<Vm> {
  const name = vmName(asked);
  const deadline = AbortSignal.timeout(timeout);
  const signal = AbortSignal.any([io.signal, deadline]);
  // The result's own words come on standard output.
  const result = `${name}: ${phaseWord(wanted)}`;
  let line = "";
  try {
    for await (const { type, object } of client.watch({ id: vmId(asked) }, { signal })) {
      if (type === EventType.DELETE)
        throw lodgeError("NOT_FOUND", `${name} was deleted.`, { name });
      if (!object?.status || type !== EventType.PUT) continue;
      const progress = `${name}: ${[phaseText(object), reasonText(object)].filter(Boolean).join(", ")}`;
      if (progress !== line && progress !== result) writeLine(io.stderr, progress);
      line = progress;
      if (object.status.phase === VmPhase.FAILED && newer(object, asked)) throw failed(object);
      if ((object.meta?.observedRevision ?? 0n) < (asked.meta?.specRevision ?? 0n)) continue;
      if (object.status.phase === phaseOf(wanted)) return object;
    }
  } catch (error) {
    if (!deadline.aborted || io.signal.aborted) throw error;
    throw lodgeError(
      "DEADLINE_EXCEEDED",
      `${name} is not ${phaseWord(wanted)} after ${formatDuration(timeout)}; it goes on without us.`,
      { name, remedy: `\`lodge vm log ${name}\` says what happens.`, cause: error },
    );
  }
  throw lodgeError("CONNECTION_LOST", `The agent ended the watch of ${name}.`, {
    remedy: `\`lodge vm show ${name}\` says how far it came.`,
  });
}

function newer(vm: Vm, asked: Vm): boolean {
  return (vm.meta?.sequence ?? 0n) > (asked.meta?.sequence ?? 0n);
}

function failed(vm: Vm): LodgeError {
  const name = vmName(vm);
  return new LodgeError(`${name} has failed: ${reasonText(vm)}`, {
    code: "FAILED_PRECONDITION",
    reason: vm.status?.reason ?? "",
    name,
    remedy: `The agent tries again by itself; \`lodge vm log ${name} --follow\` shows it.`,
  });
}

function phaseOf(wanted: PowerState): VmPhase {
  return wanted === PowerState.RUNNING ? VmPhase.RUNNING : VmPhase.STOPPED;
}

function phaseWord(wanted: PowerState): string {
  return wanted === PowerState.RUNNING ? "running" : "stopped";
}

function outcome(vm: Vm, wanted: PowerState): string {
  if (vm.status?.phase === phaseOf(wanted)) return phaseWord(wanted);
  return wanted === PowerState.RUNNING ? "will be started" : "will be stopped";
}
