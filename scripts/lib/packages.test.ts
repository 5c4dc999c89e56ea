import { expect, it } from "vitest";
import { ensurePackages, type Installer } from "./packages.ts";

const wanted = [
  { programs: ["qemu-img"], apt: "qemu-utils", purpose: "makes disks" },
  { programs: ["pasta", "slirp4netns"], apt: "passt", purpose: "gives the outside network" },
  { programs: ["nft"], apt: "nftables", purpose: "keeps guests apart" },
];

/** A machine that has some programs, gets others by apt, and remembers what was run. */
function machine(has: readonly string[], more: Partial<Installer> = {}) {
  const programs = new Set(has);
  const lines: string[] = [];
  const said: string[] = [];
  const installer: Installer = {
    which: (name) => (programs.has(name) ? `/usr/bin/${name}` : undefined),
    run: async (file, args) => {
      lines.push([file, ...args].join(" "));
      if (!args.includes("install")) return;
      for (const { apt, programs: names } of wanted)
        if (args.includes(apt)) programs.add(names[0]!);
    },
    isRoot: true,
    terminal: false,
    say: (text) => void said.push(text),
    ...more,
  };
  return { installer, lines, said };
}

it("installs nothing where nothing is missing", async () => {
  const { installer, lines } = machine(["qemu-img", "slirp4netns", "nft"]);
  await ensurePackages(wanted, installer);
  expect(lines).toEqual([]);
});

it("installs what is missing, and only that", async () => {
  const { installer, lines, said } = machine(["apt-get", "qemu-img"]);
  await ensurePackages(wanted, installer);
  expect(said).toContain("missing: nftables (keeps guests apart)");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toMatch(/apt-get .* update$/u);
  expect(lines[1]).toMatch(
    /^env DEBIAN_FRONTEND=noninteractive apt-get .*install -y --no-install-recommends passt nftables$/u,
  );
});

it("uses sudo without a password where there is no terminal to ask at", async () => {
  const { installer, lines } = machine(["apt-get", "sudo", "nft", "pasta"], { isRoot: false });
  await ensurePackages(wanted, installer);
  expect(lines[0]).toBe("sudo -n true");
  expect(lines[2]).toMatch(/^sudo -n env .*qemu-utils$/u);
});

it("says what to type where sudo would need a password", async () => {
  const { installer } = machine(["apt-get", "sudo"], {
    isRoot: false,
    run: () => Promise.reject(new Error("a password is required")),
  });
  await expect(ensurePackages(wanted, installer)).rejects.toThrow(
    "run sudo apt-get install qemu-utils passt nftables",
  );
});

it("says what to type where there is neither root nor sudo", async () => {
  const { installer } = machine(["apt-get"], { isRoot: false });
  await expect(ensurePackages(wanted, installer)).rejects.toThrow("as root, run apt-get install");
});

it("names the programs where there is no apt", async () => {
  const { installer, lines } = machine(["nft"]);
  await expect(ensurePackages(wanted, installer)).rejects.toThrow(
    "  qemu-img\n  pasta or slirp4netns\n",
  );
  expect(lines).toEqual([]);
});

it("notices a package that did not bring its program", async () => {
  const { installer } = machine(["apt-get"], { run: async () => {} });
  await expect(ensurePackages(wanted, installer)).rejects.toThrow("did not bring the program");
});

it("goes on without what is optional and not to be had", async () => {
  const { installer, lines } = machine(["apt-get"], {});
  const run: Installer["run"] = async (file, args) => {
    if (args.includes("oddity")) throw new Error("Unable to locate package oddity");
    await installer.run(file, args);
  };
  const oddity = {
    programs: ["oddity"],
    apt: "oddity",
    purpose: "is odd",
    optional: true as const,
  };
  await ensurePackages([...wanted, oddity], { ...installer, run });
  expect(lines.at(-1)).toMatch(/qemu-utils passt nftables$/u);
});
