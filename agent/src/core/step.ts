/** The steps by which the host is changed, each with a name: for the log, and for tests that end the agent at one. */
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import type { Reference } from "./record.ts";

/** Every step that has an effect, and the commits between them. */
export const stepNames = [
  "commit_put",
  "commit_delete",
  "commit_network",
  "commit_image",
  "commit_disk",
  "commit_vm",
  "set_network",
  "delete_network",
  "copy_image",
  "receive_image",
  "delete_image",
  "create_disk",
  "grow_disk",
  "check_disk",
  "delete_disk",
  "plug_nic",
  "unplug_nic",
  "start_machine",
  "power_down",
  "force_stop",
  "remove_machine",
  "delete_machine",
  "resize_disk",
  "set_reboot_action",
  "resume_guest",
] as const;
export type StepName = (typeof stepNames)[number];

/** Just before a step's effect, or just after it and before anybody knows of it. */
export type StepMoment = "before" | "after";

/** Called at both moments of every step; for tests. The step goes on when it resolves. */
export type StepHook = (name: StepName, moment: StepMoment) => void | Promise<void>;

export interface StepOptions {
  readonly log: Log;
  readonly clock: Clock;
  readonly onStep?: StepHook | undefined;
}

/** Runs a step: logged with its duration, its moments told to the hook. */
export async function runStep<T>(
  { log, clock, onStep }: StepOptions,
  name: StepName,
  of: Reference,
  body: () => Promise<T>,
): Promise<T> {
  const begin = clock.now();
  const told = onStep?.(name, "before");
  if (told) await told;
  try {
    const result = await body();
    const toldAfter = onStep?.(name, "after");
    if (toldAfter) await toldAfter;
    log.debug({ step: name, [of.kind]: of.id, ms: clock.now() - begin }, "step done");
    return result;
  } catch (error) {
    log.debug({ step: name, [of.kind]: of.id, ms: clock.now() - begin, error }, "step failed");
    throw error;
  }
}
