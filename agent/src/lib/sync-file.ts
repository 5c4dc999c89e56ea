import { open } from "node:fs/promises";

/** Makes a file, or the names in a directory, survive the host. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path);
  await file.sync();
}
