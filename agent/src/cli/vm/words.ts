/** A VM's facts in the words of tables. */
import type { DescEnum } from "@bufbuild/protobuf";
import {
  AcceleratorSchema,
  PowerStateSchema,
  VmPhase,
  VmPhaseSchema,
  type Accelerator,
  type PowerState,
  type Vm,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { Tone } from "../style.ts";
import type { Cell } from "../table.ts";

const tones: Readonly<Record<number, Tone>> = {
  [VmPhase.RUNNING]: "good",
  [VmPhase.STOPPED]: "faint",
  [VmPhase.FAILED]: "bad",
  [VmPhase.PAUSED]: "warning",
};

/** `running`, `stopped`, …; a phase of a newer agent by its number. */
export function phaseText(vm: Vm): string {
  return word(VmPhaseSchema, vm.status?.phase);
}

/** The phase in its colour. */
export function phaseCell(vm: Vm): Cell {
  return { text: phaseText(vm), tone: tones[vm.status?.phase ?? 0] ?? "plain" };
}

/** Why the phase is what it is, where there is something to say. */
export function reasonText(vm: Vm): string {
  const { reason = "", message = "" } = vm.status ?? {};
  return message || reason.toLowerCase().replaceAll("_", " ");
}

/** The address of the primary interface, else the first that there is. */
export function addressText(vm: Vm): string {
  const nics = vm.status?.nicStatus ?? [];
  const primary = nics.find(({ name }) => name === vm.spec?.primaryNic);
  return (primary ?? nics[0])?.ipv4Address ?? "";
}

export function powerText(state: PowerState | undefined): string {
  return word(PowerStateSchema, state);
}

export function acceleratorText(accelerator: Accelerator | undefined): string {
  return word(AcceleratorSchema, accelerator);
}

function word(descriptor: DescEnum, number: number | undefined): string {
  if (number === undefined || number === 0) return "";
  const name = descriptor.value[number]?.name.toLowerCase();
  return name?.slice(descriptor.sharedPrefix?.length ?? 0) ?? `unknown (${number})`;
}
