import { accessSync, constants } from "node:fs";

/** UEFI for guests without secure boot: its code, and the variables that a VM begins with. Paths of the host. */
export interface UefiFirmware {
  readonly code: string;
  readonly variables: string;
}

/** Where distributions keep it. */
export const uefiPlaces: readonly UefiFirmware[] = [
  { code: "/usr/share/OVMF/OVMF_CODE_4M.fd", variables: "/usr/share/OVMF/OVMF_VARS_4M.fd" },
  { code: "/usr/share/OVMF/OVMF_CODE.fd", variables: "/usr/share/OVMF/OVMF_VARS.fd" },
  {
    code: "/usr/share/edk2/x64/OVMF_CODE.4m.fd",
    variables: "/usr/share/edk2/x64/OVMF_VARS.4m.fd",
  },
  { code: "/usr/share/edk2/ovmf/OVMF_CODE.fd", variables: "/usr/share/edk2/ovmf/OVMF_VARS.fd" },
  {
    code: "/usr/share/qemu/ovmf-x86_64-code.bin",
    variables: "/usr/share/qemu/ovmf-x86_64-vars.bin",
  },
];

/** @returns the firmware of this host; undefined where none is installed. */
export function findUefiFirmware(): UefiFirmware | undefined {
  return uefiPlaces.find(({ code, variables }) => [code, variables].every(isReadable));
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
