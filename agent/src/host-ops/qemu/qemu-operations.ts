import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { HostOperations, QemuProcess } from "../../lib/host-operations.ts";
import type { MachineConfig } from "../../lib/machine-config.ts";
import { paths, type Layout } from "../../lib/layout.ts";
import { silentLog, type Log } from "../../lib/log.ts";
import { identify, isAlive, signalProcess } from "../../lib/process.ts";
import { programPath } from "../../lib/program-path.ts";
import { oneAtATime } from "../one-at-a-time.ts";
import { assertId } from "../form.ts";
import { removeDirectory } from "../remove-directory.ts";
import { qemuArguments } from "./arguments.ts";
import { qemuCommand } from "./command.ts";
import { deleteEnded, keepEnded, listEnded, setAside } from "./ended.ts";
import { deleteFirmware, listFirmware, setFirmware } from "./firmware.ts";
import { inspectQemu, listDirectories, recordExit, recordIntent, recordProcess } from "./record.ts";
import { assertQemu } from "./validate.ts";

/** The half of the root operations that is about QEMU. */
export type QemuOperations = Pick<
  HostOperations,
  "startQemu" | "stopQemu" | "listQemu" | "deleteKept" | "listKept"
>;

export interface QemuOperationsOptions {
  /** Default `qemu-system-x86_64`. */
  readonly program?: string;
  /** Told of what fails while nobody waits for it; default nobody is. */
  readonly log?: Pick<Log, "warn">;
}

/** Nothing here trusts its caller: ids and values are checked, and paths derive from them alone. */
export function createQemuOperations(
  layout: Layout,
  options: QemuOperationsOptions = {},
): QemuOperations {
  const program = options.program ?? "qemu-system-x86_64";
  const log = options.log ?? silentLog;
  const ofVm = oneAtATime();
  return {
    startQemu: async (qemu, signal) => {
      assertQemu(qemu);
      return ofVm(qemu.vmId, () => start(layout, program, qemu, log, signal));
    },
    stopQemu: async (vmId, signal) => {
      assertId(vmId);
      await ofVm(vmId, () => stop(layout, vmId, signal));
    },
    listQemu: async () =>
      listDirectories(layout)
        .map((vmId) => inspectQemu(layout, vmId))
        .filter((process) => process !== undefined),
    deleteKept: async (vmId) => {
      assertId(vmId);
      await ofVm(vmId, async () => {
        await deleteFirmware(layout, vmId);
        await deleteEnded(layout, vmId);
      });
    },
    listKept: async () => [
      ...new Set([...(await listFirmware(layout)), ...(await listEnded(layout))]),
    ],
  };
}

async function start(
  layout: Layout,
  program: string,
  qemu: MachineConfig,
  log: Pick<Log, "warn">,
  signal: AbortSignal,
): Promise<QemuProcess> {
  signal.throwIfAborted();
  const running = existsSync(paths.vm(layout, qemu.vmId)) && inspectQemu(layout, qemu.vmId);
  if (running && running.alive) return running;
  await deleteEnded(layout, qemu.vmId);
  const firmware =
    qemu.firmware === "uefi" && !qemu.kernel ? await setFirmware(layout, qemu.vmId) : undefined;
  const command = qemuCommand(program, qemuArguments(layout, qemu, firmware));
  // From here until the process is there nothing is waited for, so that no other start of this agent comes in between.
  const isFirst = makeDirectory(layout, qemu.vmId);
  if (!isFirst) {
    const earlier = inspectQemu(layout, qemu.vmId);
    if (earlier?.alive) return earlier;
    setAside(layout, qemu.vmId);
    makeDirectory(layout, qemu.vmId);
  }
  recordIntent(layout, qemu);
  const { pid, startedAt, ended } = await launch(layout, qemu.vmId, command);
  const { vmId, bootId, accelerator } = qemu;
  const process = {
    vmId,
    bootId,
    accelerator,
    pid,
    startedAt,
    startTime: identify(pid)?.startTime ?? 0,
    alive: true,
  };
  recordProcess(layout, process);
  ended
    .then((exit) => recordExit(layout, process, exit))
    // A full file system must not end the agent: how the process ended is then unknown, and that it did is not.
    .catch((error: unknown) => log.warn({ vm: vmId, error }, "the end of a QEMU is not recorded"));
  if (!isFirst) {
    await deleteEnded(layout, vmId).catch((error: unknown) =>
      log.warn({ vm: vmId, error }, "what an earlier boot has left is not removed"),
    );
  }
  return process;
}

/** Starts the command in a session of its own, and lets it be. */
async function launch(
  layout: Layout,
  vmId: string,
  [file, args]: readonly [string, readonly string[]],
): Promise<{
  readonly pid: number;
  readonly startedAt: number;
  readonly ended: Promise<NonNullable<QemuProcess["exit"]>>;
}> {
  const log = openSync(paths.qemuLog(layout, vmId), "a", 0o600);
  try {
    const child = spawn(file, args, {
      cwd: paths.vm(layout, vmId),
      env: { PATH: programPath(process.env), LC_ALL: "C" },
      detached: true,
      stdio: ["ignore", "ignore", log],
    });
    const startedAt = Date.now();
    const { promise: failed, reject } = Promise.withResolvers<never>();
    child.once("error", reject);
    const ended = new Promise<NonNullable<QemuProcess["exit"]>>((resolve) => {
      child.once("exit", (code, signal) => resolve({ code, signal }));
    });
    if (child.pid === undefined) await failed;
    failed.catch(() => undefined);
    child.unref();
    return { pid: child.pid!, startedAt, ended };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw lodgeError("PROGRAM_MISSING", `${file} is not installed`, {
      name: file,
      remedy: "Install the package util-linux.",
      cause: error,
    });
  } finally {
    closeSync(log);
  }
}

async function stop(layout: Layout, vmId: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const process = inspectQemu(layout, vmId);
  if (!process) return;
  if (process.alive) {
    signalProcess(process, "SIGKILL");
    for (let wait = 1; isAlive(process); wait = Math.min(wait * 2, 100)) {
      await sleep(wait, undefined, { signal });
    }
  }
  // What an earlier boot has left may still be there, where this one was started by an agent that died.
  if (process.pid !== 0) await deleteEnded(layout, vmId);
  await keepEnded(layout, vmId);
  await removeDirectory(paths.vm(layout, vmId));
}

/** @returns false where it is there already. */
function makeDirectory(layout: Layout, vmId: string): boolean {
  mkdirSync(paths.vms(layout), { recursive: true, mode: 0o700 });
  try {
    mkdirSync(paths.vm(layout, vmId), { mode: 0o700 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
