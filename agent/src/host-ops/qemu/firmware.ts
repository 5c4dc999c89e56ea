import { access, copyFile, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { findUefiFirmware, type UefiFirmware } from "../../lib/uefi-firmware.ts";

/** The firmware of a VM; its variables are copied at its first boot and kept from then on. */
export async function setFirmware(layout: Layout, vmId: string): Promise<UefiFirmware> {
  const installed = findUefiFirmware();
  if (!installed) {
    throw lodgeError("FIRMWARE_MISSING", "UEFI firmware is not installed on this host", {
      remedy: "Install the package ovmf, or set firmware to bios.",
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
    await copyFile(installed.variables, temporary);
    await using file = await open(temporary, "r+");
    await file.chmod(0o600);
    await file.sync();
    await rename(temporary, variables);
  }
  return { code: installed.code, variables };
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
