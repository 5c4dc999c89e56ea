/** What doctor finds out by trying, with the agent's own means and without a trace. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Capabilities } from "../../driver/qemu/capabilities.ts";

export { probeDev } from "../dev/probe.ts";

/** What accelerates guests here, and why. Throws PROGRAM_MISSING. */
export async function probeAccelerator(
  signal: AbortSignal,
): Promise<{ readonly accelerator: "kvm" | "tcg"; readonly reason: string }> {
  // An agent remembers what it found; this is no agent's place.
  const directory = await mkdtemp(join(tmpdir(), "lodge-doctor-"));
  try {
    const layout = { stateDir: directory, runDir: directory };
    const { accelerator, acceleratorReason } = await new Capabilities(layout).get(signal);
    return { accelerator, reason: acceleratorReason };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
