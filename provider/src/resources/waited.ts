/**
 * What of `wait_for` a guest has shown since its boot. It is kept beside the state, so that no update asks for it again: a
 * console forgets what it has shown, and a service may be down for a moment.
 */
import type { Item } from "@lodge/schemas/kind-client.ts";
import type { PrivateData } from "../sdk/values.ts";
import { primaryNic, waitNames, type WaitForValue, type WaitName } from "./wait-for.ts";

/** What is kept: the boot, and marks of what came true in it. */
interface Waited {
  readonly boot: string | null;
  readonly shown: readonly string[];
}

/** What was so before an update. */
export interface Before {
  readonly ready: boolean | null;
  readonly private: PrivateData;
}

/**
 * What is to be waited for: everything after a boot, else what has not come true in it yet. Of a VM that was ready, a text
 * that is new in `wait_for` is none of it: the console may have shown it long ago, and forgotten it.
 */
export function openWaits(
  wanted: WaitForValue | null,
  vm: Item<"vm">,
  before: Before | undefined,
): WaitName[] {
  const waited = before?.private["waited"] as Waited | undefined;
  const marks = marksOf(wanted, vm);
  const open = waitNames.filter((name) => marks[name] !== undefined);
  if (waited?.boot !== vm.status.boot_id) return open;
  return open.filter(
    (name) =>
      !waited.shown.includes(marks[name]!) && !(name === "console" && before!.ready === true),
  );
}

/** What is to be kept of a VM whose waits have come true, but for those that are still open. */
export function waitedFor(
  wanted: WaitForValue | null,
  vm: Item<"vm">,
  open: readonly WaitName[] = [],
): PrivateData {
  const marks = Object.entries(marksOf(wanted, vm));
  const shown = marks.filter(([name]) => !open.includes(name as WaitName)).map(([, mark]) => mark);
  return { waited: { boot: vm.status.boot_id, shown } };
}

/** What was kept already, where nothing is known anew. */
export function stillWaited({ waited }: PrivateData): PrivateData {
  return waited === undefined ? {} : { waited };
}

/**
 * Tells waits apart: for another text, or at another address, it is another one. An interface that the guest gets at its
 * next boot has no address before.
 */
function marksOf(
  wanted: WaitForValue | null,
  vm: Item<"vm">,
): { readonly [name in WaitName]?: string } {
  const nic = primaryNic(vm);
  const isDeferred = nic === undefined && vm.status.restart_required.length > 0;
  const { ipv4, console: text, tcp_port: port } = wanted ?? {};
  const address = String(nic?.ipv4_address);
  return {
    ...(ipv4 && !isDeferred && { ipv4: `ipv4 ${address}` }),
    ...(typeof text === "string" && { console: `console ${text}` }),
    ...(typeof port === "number" && !isDeferred && { tcp_port: `tcp_port ${address}:${port}` }),
  };
}
