/** Guests that may get out can also ask for names: the machine's own DNS server, wherever that is. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exec } from "../../../agent/src/lib/exec.ts";
import { smallGuest } from "../../harness/lodge.ts";
import { needs } from "../../harness/needs.ts";
import { limit } from "../../harness/scale.ts";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp("/tmp/lodge-names-");
  await writeFile(join(directory, "resolv.conf"), "nameserver 127.0.0.1\n");
  await smallGuest();
});
afterAll(() => rm(directory, { recursive: true }));

/** Runs the fixture as on a machine whose DNS server is on its loopback, and nobody else's. */
async function ask(...args: string[]): Promise<{ asked: string[]; said: string }> {
  const script = `
    ip link set lo up
    ip link add out type bridge
    ip address add 198.51.100.1/24 dev out
    ip link set out up
    ip route add default via 198.51.100.2
    mount --bind "$0" "$(realpath /etc/resolv.conf)"
    exec "$@"`;
  const user = process.getuid!() === 0 ? [] : ["--user", "--map-root-user"];
  const fixture = join(import.meta.dirname, "fixtures", "name-service.ts");
  const { stdout } = await exec(
    "unshare",
    [
      ...user,
      "--net",
      "--mount",
      "--propagation",
      "private",
      "sh",
      "-e",
      "-c",
      script,
      join(directory, "resolv.conf"),
      process.execPath,
      fixture,
      ...args,
    ],
    { timeout: await limit(10_000) },
  );
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

const programs = ["slirp4netns", "pasta"] as const;

describe.each(programs)("through %s", (program) => {
  it("the machine's DNS is reached", async (context) => {
    needs(context, program);
    const { asked, said } = await ask("anchor", program);
    expect(said).toContain("192.0.2.7");
    expect(asked).toContain("name.test");
  });
});

it("a guest is told of it by DHCP, and asks it", async (context) => {
  needs(context, ...programs);
  const { asked, said } = await ask("guest");
  expect(said).toMatch(/nameserver 100\.115\.92\.3/u);
  expect(said).toContain("192.0.2.7");
  expect(asked).toContain("name.test");
});
