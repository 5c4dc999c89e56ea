/** Root starts an agent for a user, as where a user may make no namespaces: guests run, and the files are the user's. */
import { lstat, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { TestAgent } from "../../harness/agent.ts";
import { compareHost, noDifference } from "../../harness/inventory.ts";
import { smallGuest } from "../../harness/lodge.ts";
import { ordinaryUser } from "../../harness/ordinary-user.ts";
import { limit } from "../../harness/scale.ts";
import { images, network, smallVm, together } from "../../harness/small-world.ts";
import { Wishes } from "../../harness/wishes.ts";

/** Everything in a directory that is not the user's. */
async function others(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true });
  const owners = await Promise.all(
    entries.map(async (entry) => ({ entry, uid: (await lstat(join(directory, entry))).uid })),
  );
  return owners.filter(({ uid }) => uid !== ordinaryUser).map(({ entry }) => entry);
}

test("an agent that root runs for a user runs guests, and leaves the user's files to the user", async (context) => {
  if (process.getuid!() !== 0) context.skip("only root can act for another user");
  const guest = await smallGuest();
  await using agent = await TestAgent.start({
    imageRoots: [dirname(guest.kernel)],
    owner: ordinaryUser,
  });
  const { directory } = agent.files;
  const wishes = new Wishes(agent);
  const patient = { timeout: await limit(3_000), interval: 100 };
  const wish = together(network(wishes, "lan", 0), images(guest), {
    vm: {
      web: smallVm(wishes, "web", "lan", {
        disks: { root: { image_id: wishes.id("image", "kernel") }, data: { size: "16MiB" } },
      }),
    },
  });
  const running = async () => {
    await expect.poll(() => wishes.unsettled(wish), patient).toEqual([]);
    await expect.poll(() => compareHost(agent), patient).toEqual(noDifference);
  };
  await wishes.apply(wish);
  await running();
  const rootsOwn = /^(?:(?:images|disks|firmware)(?:\/|$)|anchor\.json$)/u;
  expect((await others(directory)).filter((entry) => !rootsOwn.test(entry))).toEqual([]);

  const { pid } = (await wishes.get("vm", "web")).status;
  await agent.kill();
  await agent.up();
  wishes.reconnect();
  await running();
  expect((await wishes.get("vm", "web")).status).toMatchObject({ pid, boots: 1 });

  await agent.down(false);
  expect(await others(directory)).toEqual([]);
  await agent.up();
  wishes.reconnect();
  await running();
  expect((await wishes.get("vm", "web")).status).toMatchObject({ boots: 2 });
});
