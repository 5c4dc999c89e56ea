import { rm } from "node:fs/promises";

/** Removes a directory into which the programs that keep output may still put a last file. Nothing there is success. */
export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 10 });
}
