/** Networks, pools, images and disks: whatever is wished for and whatever happens, the provider and the agent agree. */
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, test } from "vitest";
import { CoreAgent } from "../harness/core-agent.ts";
import { anyId, anyName, anyTimeouts, maybe, pick, record, walk } from "../harness/life.ts";

const digest = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const [alpine, debian] = [Buffer.alloc(4096, 1), Buffer.alloc(1024, 7)];
const hosts = maybe(fc.constant(["rack1"]));

async function host(): Promise<CoreAgent> {
  const agent = await CoreAgent.start();
  const { world } = agent;
  await world.furnish();
  const b = { cidr: "10.30.1.0/24" };
  await world.put("network", { name: "dmz", subnets: { main: { cidr: "10.30.0.0/24" }, b } });
  world.images.hostFiles.set("/images/alpine", alpine);
  await world.quiet();
  return agent;
}

describe("every life of", () => {
  test("a network", async () => {
    const dns = maybe(fc.uniqueArray(pick("1.1.1.1", "9.9.9.9"), { maxLength: 2 }));
    const subnet = (net: number) =>
      maybe(
        record({
          cidr: pick(`10.${net}.0.0/24`, `10.${net}.0.0/16`),
          gateway: maybe(pick(`10.${net}.0.9`)),
          dns_servers: dns,
        }),
      );
    await walk(
      {
        kind: "network",
        host,
        config: () =>
          record({
            name: anyName,
            mode: maybe(pick("nat")),
            subnets: record({ main: subnet(40), b: subnet(41), c: subnet(42) })
              .map((subnets) =>
                Object.fromEntries(Object.entries(subnets).filter(([, subnet]) => subnet)),
              )
              .filter((subnets) => Object.keys(subnets).length > 0),
            hosts,
            timeouts: anyTimeouts,
          }),
        edit: (spec) => ({
          ...spec,
          name: "drifted",
          subnets: { ...spec.subnets, x: { cidr: "10.77.0.0/24", dns_servers: [] } },
        }),
      },
      25,
    );
  });

  test("an address pool", async () => {
    await walk(
      {
        kind: "address_pool",
        host,
        config: () =>
          fc.constantFrom("main", "b").chain((subnet) => {
            const net = subnet === "main" ? "10.30.0" : "10.30.1";
            return record({
              name: anyName,
              network_id: anyId("network", "dmz"),
              subnet: fc.constant(subnet),
              ranges: fc.uniqueArray(
                pick(`${net}.9`, `${net}.10-${net}.19`, `${net}.40-${net}.99`),
                { minLength: 1 },
              ),
              cooldown: maybe(pick("60s", "1m", "0s", "90s", "1m30s")),
              host: maybe(pick("rack1")),
              timeouts: anyTimeouts,
            });
          }),
        edit: (spec) => ({ ...spec, name: "drifted", cooldown: 7000 }),
      },
      25,
    );
  });

  test("an image that is on the host", async () => {
    await walk(
      {
        kind: "image",
        host,
        config: () =>
          fc.constantFrom("/images/alpine", "/images/debian").chain((host_path) =>
            record({
              name: anyName,
              host_path: fc.constant(host_path),
              sha256: maybe(fc.constant(digest(host_path === "/images/alpine" ? alpine : debian))),
              hosts,
              timeouts: anyTimeouts,
            }),
          ),
        edit: (spec) => ({ ...spec, name: "drifted" }),
      },
      25,
    );
  });

  test("an image that is sent", async () => {
    const directory = await mkdtemp("/tmp/lodge-");
    const contents = [Buffer.alloc(1024, 3), Buffer.alloc(700_000, 4)];
    const paths = ["a", "b", "same-as-a"].map((name) => join(directory, name));
    for (const [index, path] of paths.entries()) await writeFile(path, contents[index % 2]!);
    try {
      await walk(
        {
          kind: "image",
          host,
          config: () =>
            pick(0, 1, 2).chain((index) =>
              record({
                name: anyName,
                local_path: fc.constant(paths[index]!),
                sha256: maybe(fc.constant(digest(contents[index % 2]!))),
                hosts,
                timeouts: anyTimeouts,
              }),
            ),
          edit: (spec) => ({ ...spec, name: "drifted" }),
        },
        15,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test("a disk", async () => {
    await walk(
      {
        kind: "disk",
        host,
        config: (step) =>
          record({
            name: anyName,
            size: pick(`${step + 1}GiB`, `${(step + 1) * 1024}MiB`),
            image_id: maybe(anyId("image", "debian")),
            host: maybe(pick("rack1")),
            deletion_protection: maybe(pick(false)),
            timeouts: anyTimeouts,
          }),
        edit: (spec) => ({ ...spec, name: "drifted" }),
      },
      30,
    );
  });
});
