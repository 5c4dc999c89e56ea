/** Runs programs as an ordinary user, as on a machine whose /dev/net/tun has the mode that distributions give it. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exec } from "../../agent/src/lib/exec.ts";

/** A user that nobody is. */
export const ordinaryUser = 54_321;

export interface OrdinaryUser extends Disposable {
  /** A directory of the user's own. */
  readonly home: string;
  /** The program and arguments that run a command as the user. `tun: false`: the device is closed to ordinary users. */
  command(line: readonly string[], options?: { readonly tun?: boolean }): [string, string[]];
}

/** For root: another user, with a device node of its own in place of the machine's. Others are ordinary users already. */
export async function becomeOrdinaryUser(): Promise<OrdinaryUser> {
  const home = mkdtempSync(join(tmpdir(), "lodge-user-"));
  const remove = () => rmSync(home, { recursive: true, force: true });
  if (process.getuid!() !== 0) {
    return {
      home,
      command: ([file, ...args]) => [file!, args],
      [Symbol.dispose]: remove,
    };
  }
  const tun = join(home, "tun");
  await exec("mknod", ["-m", "0666", tun, "c", "10", "200"]);
  chmodSync(tun, 0o666);
  await exec("chown", [`${ordinaryUser}:${ordinaryUser}`, home]);
  const become = `exec setpriv --reuid ${ordinaryUser} --regid ${ordinaryUser} --clear-groups --no-new-privs --inh-caps=-all env HOME="$home" "$@"`;
  return {
    home,
    command: (line, options = {}) => [
      "unshare",
      [
        "--mount",
        "sh",
        "-c",
        `home=$1; shift; mount --bind "$1" /dev/net/tun && shift && ${become}`,
        "sh",
        home,
        options.tun === false ? "/dev/null" : tun,
        ...line,
      ],
    ],
    [Symbol.dispose]: remove,
  };
}
