/** Waiting for what a guest does: never by default, never in a read. */
import type {
  ConsoleRequestSchema,
  ForwardRequestSchema,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Item } from "@lodge/schemas/kind-client.ts";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { duration, parseDuration } from "@lodge/schemas/spec/duration.ts";
import { setTimeout as sleep } from "node:timers/promises";
import * as z from "zod";
import type { Agent } from "../agent.ts";
import { isLate, type Deadline } from "./deadline.ts";
import { follow } from "./settle.ts";

/** How soon what is not so is tried again, in milliseconds. */
const PAUSE = 250;

/** The attribute `wait_for`. */
export const WaitFor = z.object({
  ipv4: z.boolean().default(false).meta({
    description: "Waits until the guest has acknowledged the primary interface's address by DHCP.",
  }),
  console: z
    .string()
    .min(1)
    .max(1024)
    .optional()
    .meta({ description: "Waits until this text stands on the serial console." }),
  tcp_port: z.int().min(1).max(65535).optional().meta({
    description:
      "Waits until the guest accepts connections to this TCP port of the primary interface.",
  }),
  timeout: duration({ min: 1000, max: 24 * 3_600_000 })
    .default(300_000)
    .meta({ description: "How long to wait for all of them." }),
  on_timeout: z.enum(["warn", "fail"]).default("warn").meta({
    description:
      "What a wait whose time is over does when the VM is made: `warn` keeps it with `ready = false` and waits again at the next apply, `fail` is an error, which taints the VM.",
  }),
});

/** What to wait for, as planned. */
export type WaitForValue = {
  readonly ipv4: boolean | null;
  readonly console: string | null;
  readonly tcp_port: number | null;
  readonly timeout: string | null;
  readonly on_timeout: "warn" | "fail" | null;
};

/** What can be waited for. */
export const waitNames = ["ipv4", "console", "tcp_port"] as const;
export type WaitName = (typeof waitNames)[number];

/** What ends a wait: that of the whole operation, and that or the wait's own time. */
interface Ends {
  readonly stopped: AbortSignal;
  readonly signal: AbortSignal;
}

/** What `wait_for` names did not come within its own time. */
export class Overdue extends Error {
  override readonly name = "Overdue";
}

/**
 * Waits until everything that is named has come true, and tells of each that has. Throws an error that names the wait that
 * did not: {@link Overdue} where the time of `wait_for` is over, not where something else has ended the wait.
 */
export async function waitFor(
  agent: Agent,
  vm: Item<"vm">,
  wanted: WaitForValue,
  names: readonly WaitName[],
  within: Deadline,
  came: (name: WaitName) => void,
): Promise<void> {
  const time = wanted.timeout ?? "5m";
  const stop = new AbortController();
  const signal = AbortSignal.any([
    within.signal,
    stop.signal,
    AbortSignal.timeout(parseDuration(time)!),
  ]);
  const begin: { readonly [name in WaitName]: () => readonly [string, Promise<void>] } = {
    ipv4: () => ["the guest to acknowledge its address", address(agent, vm, { ...within, signal })],
    console: () => [
      `"${wanted.console}" on the console`,
      comesTrue(() => shows(agent, vm, wanted.console!, signal), signal),
    ],
    tcp_port: () => [
      `TCP port ${wanted.tcp_port}`,
      comesTrue(() => accepts(agent, vm, wanted.tcp_port!, signal), signal),
    ],
  };
  const waits = names.map((name) => [name, ...begin[name]()] as const);
  try {
    await Promise.all(
      waits.map(([name, what, wait]) =>
        wait.then(
          () => came(name),
          (cause: unknown) =>
            Promise.reject(unfulfilled(what, time, cause, { stopped: within.signal, signal })),
        ),
      ),
    );
  } finally {
    stop.abort();
    await Promise.allSettled(waits.map(([, , wait]) => wait));
  }
}

function unfulfilled(what: string, time: string, cause: unknown, ends: Ends): Error {
  const failed = `The wait for ${what} has failed.`;
  if (!ends.stopped.aborted && ends.signal.aborted)
    return new Overdue(`${failed} It did not come within ${time}.`, { cause });
  const why = !ends.stopped.aborted
    ? (cause as Error).message
    : isLate(ends.stopped)
      ? "The time that timeouts allows has passed."
      : "It was interrupted.";
  return new Error(`${failed} ${why}`, { cause });
}

async function address(agent: Agent, vm: Item<"vm">, within: Deadline): Promise<void> {
  await follow(agent, "vm", vm.id, within, (seen) => {
    const nic = seen && primaryNic(seen);
    return nic?.acknowledged === true;
  });
}

/** The interface that stands for the VM: the chosen one, else the first by name. */
export function primaryNic({
  spec,
  status,
}: Item<"vm">): Item<"vm">["status"]["nic_status"][number] | undefined {
  const name = spec.primary_nic ?? Object.keys(spec.nics).sort()[0];
  return status.nic_status.find((nic) => nic.name === name);
}

/** Tries until it is so, also where the agent or the guest is away for a while. */
async function comesTrue(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      if (await isSo()) return;
    } catch (thrown) {
      if (signal.aborted || !(thrown instanceof LodgeError) || !thrown.retryable) throw thrown;
    }
    await sleep(PAUSE, undefined, { signal });
  }
}

/** Whether the text stands on the console, with what it showed before, until that ends. */
async function shows(
  agent: Agent,
  vm: Item<"vm">,
  wanted: string,
  signal: AbortSignal,
): Promise<boolean> {
  async function* open(): AsyncIterable<MessageInitShape<typeof ConsoleRequestSchema>> {
    yield { part: { case: "open", value: { vmId: vm.id } } };
    await aborted(signal);
  }
  // What is searched keeps the end of what came before, so that a text in two pieces is found.
  let seen = "";
  const decoder = new TextDecoder();
  for await (const { output } of agent.vms.console(open(), { signal, timeoutMs: Infinity })) {
    seen += decoder.decode(output, { stream: true });
    if (seen.includes(wanted)) return true;
    seen = seen.slice(-wanted.length);
  }
  return false;
}

async function accepts(
  agent: Agent,
  vm: Item<"vm">,
  number: number,
  signal: AbortSignal,
): Promise<boolean> {
  const done = new AbortController();
  async function* open(): AsyncIterable<MessageInitShape<typeof ForwardRequestSchema>> {
    yield { part: { case: "open", value: { vmId: vm.id, nic: "", port: number } } };
    await aborted(AbortSignal.any([signal, done.signal]));
  }
  try {
    for await (const { part } of agent.vms.forward(open(), { signal, timeoutMs: Infinity })) {
      if (part.case === "opened") return true;
    }
    return false;
  } finally {
    done.abort();
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}
