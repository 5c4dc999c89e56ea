import { constants } from "node:fs";
import { access, copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import type { Firmware } from "./arguments.ts";

/** Where distributions keep UEFI for QEMU without secure boot: the code, and the variables to begin with. */
const places: readonly (readonly [code: string, variables: string])[] = [
  ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
  ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
  ["/usr/share/edk2/x64/OVMF_CODE.4m.fd", "/usr/share/edk2/x64/OVMF_VARS.4m.fd"],
  ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
  ["/usr/share/qemu/ovmf-x86_64-code.bin", "/usr/share/qemu/ovmf-x86_64-vars.bin"],
];

/** The firmware of a VM; its variables are copied at its first boot and kept from then on. */
export async function setFirmware(layout: Layout, vmId: string): Promise<Firmware> {
  const place = await findPlace();
  if (!place) {
    throw lodgeError("FIRMWARE_MISSING", "UEFI firmware is not installed on this host", {
      remedy: "install the package ovmf, or set firmware to bios",
    });
  }
  const variables = paths.firmwareVariables(layout, vmId);
  const exists = await access(variables).then(
    () => true,
    () => false,
  );
  if (!exists) {
    await mkdir(paths.firmware(layout), { recursive: true });
    const temporary = `${variables}.part`;
    await copyFile(place[1], temporary);
    await using file = await open(temporary, "r+");
    await file.chmod(0o600);
    await file.sync();
    await rename(temporary, variables);
  }
  return { code: place[0], variables };
}

/** Nothing there is success. */
export async function deleteFirmware(layout: Layout, vmId: string): Promise<void> {
  const variables = paths.firmwareVariables(layout, vmId);
  await rm(`${variables}.part`, { force: true });
  await rm(variables, { force: true });
}

/** The VMs that have variables, unfinished ones included. */
export async function listFirmware(layout: Layout): Promise<readonly string[]> {
  const files = await readdir(paths.firmware(layout)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return [...new Set(files.map((file) => file.slice(0, 36)))].toSorted();
}

async function findPlace(): Promise<readonly [string, string] | undefined> {
  for (const place of places) {
    const readable = await Promise.all(place.map((path) => access(path, constants.R_OK))).then(
      () => true,
      () => false,
    );
    if (readable) return place;
  }
  return undefined;
}
