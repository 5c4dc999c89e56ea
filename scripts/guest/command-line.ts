import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * The kernel command line that starts the small guest fastest under emulation: no mitigations for leaks between
 * processes that do not exist, no self-tests, no relocation. A panic reboots at once.
 */
export const guestCommandLine =
  "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check mitigations=off cryptomgr.notests nokaslr";

/**
 * The rate of the host's time-stamp counter as a further argument, which spares an emulated guest its calibration;
 * empty where the host's kernel log does not say it. It holds for this machine alone.
 */
export async function timestampArgument(): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)("dmesg", { maxBuffer: 64 * 2 ** 20 });
    const megahertz = /tsc: Detected (\d+\.\d+) MHz/.exec(stdout)?.[1];
    return megahertz === undefined ? "" : `tsc_early_khz=${Math.round(Number(megahertz) * 1000)}`;
  } catch {
    return "";
  }
}
