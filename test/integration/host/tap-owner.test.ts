import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { join } from "node:path";
import { exec } from "../../../agent/src/lib/exec.ts";
import { startAnchor, stopAnchor } from "../../../agent/src/role/dev/anchor.ts";
import { enterCommand } from "../../../agent/src/role/dev/enter.ts";
import { becomeOrdinaryUser, ordinaryUser } from "../../harness/ordinary-user.ts";

it("a tap is opened by its owner alone, without any capability", async (context) => {
  if (process.getuid!() !== 0) context.skip("only root can become two other users");
  using user = await becomeOrdinaryUser();
  const anchor = await startAnchor({ lifetime: "parent" });
  try {
    const fixture = join(import.meta.dirname, "fixtures", "tap.ts");
    const [file, args] = enterCommand(anchor, process.execPath, [fixture, String(ordinaryUser)]);
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [tap] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const opens = async (uid: number) => {
      const qemu = `qemu-system-x86_64 -machine none -nodefaults -display none -monitor stdio -netdev tap,id=n0,ifname=${tap},script=no,downscript=no`;
      const without = `setpriv --reuid ${uid} --regid ${uid} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all`;
      const mount = `mount --bind ${join(user.home, "tun")} /dev/net/tun && exec ${without} ${qemu}`;
      const command = enterCommand(anchor, "unshare", ["--mount", "sh", "-c", mount]);
      const { exitCode, stderr } = await exec(...command, { input: "quit\n", accept: [0, 1] });
      return exitCode === 0 ? "opened" : stderr;
    };
    expect(await opens(ordinaryUser)).toBe("opened");
    expect(await opens(ordinaryUser + 1)).toMatch(/Operation not permitted|could not configure/);
  } finally {
    await stopAnchor(anchor);
  }
});
