/** The crash matrix, complete on fakes: the agent dies at every step of every scenario, and the next one mends it. */
import { describe, expect, test } from "vitest";
import { stepNames, type StepMoment, type StepName } from "./step.ts";
import { violatedInvariants, watchPhases } from "./testing/invariants.ts";
import { scenarios, type Scenario } from "./testing/scenarios.ts";
import { World } from "./testing/world.ts";

type Point = `${StepName}:${StepMoment}` | `${string}:during`;

/** A world with a scenario's beginning and a bystander, whose every further point is told. */
async function begin(scenario: Scenario, onPoint: (point: Point) => void) {
  const world = new World();
  await world.begin();
  await world.furnish();
  await world.put("vm", world.vm("keep"));
  await world.quiet();
  await scenario.prepare(world);
  const { boot_id } = (await world.get("vm", "keep"))!.status;
  world.onStep = (name, moment) => onPoint(`${name}:${moment}`);
  for (const port of [world.hypervisor, world.networks, world.disks, world.images]) {
    port.faults.hook = (method: string, moment: string) => {
      if (moment !== "during") return;
      onPoint(`${method}:during`);
      // A call that dies with its agent is cut in half.
      if (world.life.ended) throw new Error("the agent has died");
    };
  }
  return { world, bootId: boot_id };
}

/** Does what the scenario does; ends with the agent's life where that ends first. */
async function act(world: World, scenario: Scenario): Promise<void> {
  await Promise.race([scenario.act(world).then(() => world.pass(180_000)), world.life.death]);
}

async function crashAt(scenario: Scenario, nth: number): Promise<Point | undefined> {
  let seen = 0;
  let point: Point | undefined;
  const { world, bootId } = await begin(scenario, (name) => {
    if (point !== undefined || seen++ !== nth) return;
    point = name;
    world.end();
  });
  const controller = new AbortController();
  const wrongPhases = watchPhases(world.store, controller.signal);
  await act(world, scenario);
  if (point === undefined) return undefined;
  await world.begin();
  await act(world, scenario);
  await world.pass(400_000);
  const keep = await world.get("vm", "keep");
  const problems = [
    ...(await violatedInvariants(world)),
    ...(await scenario.check(world)),
    ...wrongPhases,
    ...(keep && keep.status.boot_id !== bootId ? ["the bystander was restarted"] : []),
  ];
  controller.abort();
  await world.core.close();
  expect(problems, `killed at ${point}, the ${nth}th point of ${scenario.name}`).toEqual([]);
  return point;
}

describe("an agent that is killed at any step is mended by the next one", () => {
  const covered = new Set<string>();

  test.each(scenarios.map((scenario) => [scenario.name, scenario] as const))(
    "%s",
    async (_, scenario) => {
      let points = 0;
      for (; ; points++) {
        const point = await crashAt(scenario, points);
        if (point === undefined) break;
        covered.add(point);
      }
      expect(points).toBeGreaterThan(3);
    },
  );

  test("no step is left out", () => {
    const all = stepNames.flatMap((name) => [`${name}:before`, `${name}:after`]);
    expect(all.filter((point) => !covered.has(point))).toEqual([]);
  });
});
