/**
 * The agent is killed at the steps by which it changes a real host: the next one makes the wish true, nothing is lost or
 * left over, and a guest that has nothing to do with it never notices. All points with LODGE_TEST_ALL=1, else a sample.
 */
import { rmSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { stepNames } from "../../agent/src/core/step.ts";
import { paths } from "../../agent/src/lib/layout.ts";
import { openDatabase } from "../../agent/src/lib/sqlite.ts";
import { failpointVariable } from "../../agent/src/role/agent/failpoint.ts";
import { complete, sample } from "../harness/acceptance/sample.ts";
import { TestAgent } from "../harness/agent.ts";
import { compareHost, noDifference } from "../harness/inventory.ts";
import { smallGuest } from "../harness/lodge.ts";
import { page } from "../harness/page.ts";
import { limit } from "../harness/scale.ts";
import { together } from "../harness/small-world.ts";
import { Wishes, type Wish } from "../harness/wishes.ts";
import * as life from "./crash/scenarios.ts";

const all = life.allPoints();
const points = inTurn(complete ? all : some(6));

let agent: TestAgent;
let wishes: Wishes;
let world: life.World;
let bystander: Wish;
let state: life.State;
let shape: life.Shape;
let wish: Wish;
/** What tells that the bystander was left alone. */
let untouched: { readonly pid: number | null; readonly page: string };

beforeAll(async () => {
  await begin();
});
afterAll(() => agent?.[Symbol.asyncDispose]());

/** A host with a running guest, and nothing else. */
async function begin(): Promise<void> {
  const guest = await smallGuest();
  agent = await TestAgent.start({
    imageRoots: [dirname(guest.kernel)],
    env: { LODGE_LOG: "debug", LODGE_LOG_FORMAT: "json" },
  });
  wishes = new Wishes(agent);
  const imports = join(agent.files.directory, "import");
  await writeFile(join(imports, "base.img"), Buffer.alloc(2 ** 20, "base"));
  world = { id: (kind, key) => wishes.id(kind, key), imports };
  bystander = life.bystander(world, guest);
  [state, shape, wish] = ["absent", life.firstShape, {}];
  await wishes.reach(bystander);
  await restarted({ [failpointVariable]: failpointFile() });
  await vi.waitFor(async () => expect(await page(agent)).toMatch(/^keep /u), await patient());
  untouched = await bystanderNow();
}

const failpointFile = (): string => join(agent.files.directory, "failpoint");
const patient = async () => ({ timeout: await limit(3_000), interval: 100 });

async function bystanderNow(): Promise<typeof untouched> {
  const { status } = await wishes.get("vm", "keep");
  return { pid: status.pid, page: await page(agent) };
}

async function restarted(env: Readonly<Record<string, string>>): Promise<void> {
  await agent.kill();
  await agent.up(env);
  wishes.reconnect();
}

/** Everything that is wished for, with what a scenario changes. */
function wishOf(scenario: life.Scenario): Wish {
  shape = scenario.change?.(shape) ?? shape;
  wish = scenario.wish?.(shape, world) ?? wish;
  return together(bystander, wish);
}

/** Leads to the state that a scenario begins in, with a guest that heeds its power button. */
async function prepare({ from }: life.Scenario): Promise<void> {
  for (const scenario of life.way(state, from)) {
    await wishes.reach(wishOf(scenario));
    state = scenario.to;
    if (scenario.boots > 0) await booted();
  }
}

async function booted(): Promise<void> {
  const log = paths.consoleLog({ stateDir: "", runDir: "/run/lodge" }, wishes.id("vm", "web"));
  await vi.waitFor(() => agent.inside("grep", "-q", ":/# ", log), await patient());
}

const starts = async () =>
  state === "absent" || state === "uploaded" ? 0 : (await wishes.get("vm", "web")).status.boots;

/** Lets the agent go the scenario's way until it dies at the point. Throws where it never gets there. */
async function dieAt(point: life.Point, target: Wish): Promise<void> {
  const before = await agent.pid();
  if (point.scenario.atStart) {
    await agent.kill();
    // It may die before it has said that it serves.
    await agent.up({ [failpointVariable]: life.failpointOf(point) }).catch(() => {});
  } else {
    await writeFile(`${failpointFile()}.new`, life.failpointOf(point));
    await rename(`${failpointFile()}.new`, failpointFile());
  }
  const acting = point.scenario.atStart
    ? agent.gone()
    : wishes.reach(target).catch((error: unknown) => error);
  const deadline = performance.now() + (await limit(5_000));
  await Promise.race([acting, agent.gone(), sleep(deadline - performance.now())]);
  // What is done behind the wish, such as a last record, may come a moment later.
  while ((await agent.pid()) !== undefined && performance.now() < deadline) await sleep(50);
  rmSync(failpointFile(), { force: true });
  if ((await agent.pid()) !== undefined) {
    throw new Error(`${life.title(point)}: the agent (pid ${before}) never came there`);
  }
  await acting;
}

test.each(points.map((point) => [life.title(point), point] as const))(
  "an agent that dies at %s",
  async (_, point) => {
    const { scenario } = point;
    try {
      await prepare(scenario);
      const boots = await starts();
      const target = wishOf(scenario);
      await dieAt(point, target);
      await agent.up({ [failpointVariable]: failpointFile() });
      wishes.reconnect();
      await wishes.apply(target);
      await expect.poll(() => wishes.unsettled(target), await patient()).toEqual([]);
      await expect.poll(() => compareHost(agent), await patient()).toEqual(noDifference);
      state = scenario.to;
      expect(await starts()).toBe(state === "absent" ? 0 : boots + scenario.boots);
      expect(await bystanderNow()).toEqual(untouched);
      if (scenario.boots > 0) await booted();
    } catch (error) {
      console.log((await agent.log().catch(() => "")).slice(-6000));
      // The next point begins with a host of its own; the first failure is the one to tell.
      await agent[Symbol.asyncDispose]();
      await begin();
      throw error;
    }
  },
);

test("in the end nothing is left, not even a row", async () => {
  for (const scenario of life.way(state, "absent")) await wishes.reach(wishOf(scenario));
  state = "absent";
  expect(await bystanderNow()).toEqual(untouched);
  await wishes.reach({});
  await expect.poll(() => compareHost(agent), await patient()).toEqual(noDifference);
  await agent.kill();
  const database = openDatabase(paths.store({ stateDir: agent.files.directory, runDir: "" }));
  try {
    for (const table of ["records", "claims", "record_references"]) {
      expect({ table, rows: database.prepare(`SELECT * FROM ${table}`).all() }).toEqual({
        table,
        rows: [],
      });
    }
  } finally {
    database.close();
  }
  await agent.up();
});

test("no step is left out", () => {
  const covered = new Set(all.map(({ step }) => step));
  // It needs a host whose disk is full: half-way.test.ts has one.
  const elsewhere = ["resume_guest"];
  expect(stepNames.filter((name) => !covered.has(name))).toEqual(elsewhere);
});

/** Some points, each of another scenario. */
function some(count: number): life.Point[] {
  const chosen = sample("crash scenarios", life.scenarios, count, ({ name }) => name);
  return chosen.flatMap((scenario) => {
    const own = all.filter((point) => point.scenario === scenario);
    return sample(`crash points of ${scenario.name}`, own, 1, life.failpointOf);
  });
}

/** One point of each scenario after another, so that most begin where the last one ended. */
function inTurn(chosen: readonly life.Point[]): life.Point[] {
  const nth = new Map<life.Scenario, number>();
  const rounds: life.Point[][] = [];
  for (const point of chosen) {
    const round = nth.get(point.scenario) ?? 0;
    nth.set(point.scenario, round + 1);
    (rounds[round] ??= []).push(point);
  }
  const place = ({ scenario }: life.Point): number => life.scenarios.indexOf(scenario);
  return rounds.flatMap((round) => round.toSorted((a, b) => place(a) - place(b)));
}
