/** What cannot be is refused at plan: at its attribute, in words that help, and before anything is made. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { at, type Place, type Refusal, type Resources } from "../harness/acceptance/kind.ts";
import { allObjects, places, startGround, type Ground } from "../harness/acceptance/place.ts";
import { resolved, Workspace, type Diagnostic } from "../harness/acceptance/workspace.ts";
import { furniture, guestImages } from "./kinds/furniture.ts";
import { acceptanceKinds } from "./kinds/index.ts";

interface Case extends Refusal {
  readonly place: Place;
  readonly address: string;
}

let ground: Ground;
let workspace: Workspace;
let others: Workspace;
let said: readonly Diagnostic[];

const place = places({ host: "dev", files: () => ground.files });
const cases = acceptanceKinds.flatMap(({ kind, refused }) =>
  refused.map((refusal): Case => {
    const here = place(kind);
    return { ...refusal, place: here, address: `lodge_${kind}.${here.name}` };
  }),
);
const titles = (list: readonly Case[]) =>
  list.map((item) => [`${item.address}: ${item.title}`, item] as const);
const [byItself, atPlan] = [
  cases.filter((item) => !item.atPlan),
  cases.filter((item) => item.atPlan),
];

const resources = (list: readonly Case[], which: "from" | "config"): Resources =>
  Object.assign(
    { ...furniture(ground.files), ...guestImages(ground.files) },
    ...list.map((item) => item.needs?.(item.place) ?? {}),
    ...list
      .filter((item) => item[which])
      .map((item) => ({
        [item.address]: { name: item.place.name, ...at(item[which]!, item.place) },
      })),
  ) as Resources;

/** One plan, all of whose errors are those of the cases. */
async function refuse(list: readonly Case[]): Promise<void> {
  const before = (await allObjects(ground.agent)).size;
  workspace.configure({ resources: resolved(resources(list, "config"), others.attributes()) });
  const plan = await workspace.planned();
  said = plan.diagnostics;
  expect(plan.exitCode).toBe(1);
  expect(new Set(said.map(({ address }) => address))).toEqual(
    new Set(list.flatMap((item) => [item.address, blamed(item)])),
  );
  expect((await allObjects(ground.agent)).size).toBe(before);
}

/** The resource that the error of a case is said of. */
const blamed = ({ address, blames, place: here }: Case): string => blames?.(here) ?? address;

/** What was said of a case, in one line each, with the place that it points at. */
function lines(item: Case): string[] {
  return said
    .filter((diagnostic) => diagnostic.address === blamed(item))
    .map(({ severity, summary, detail, snippet }) =>
      `${severity} at ${snippet!.code.trim()}: ${summary}. ${detail}`.replaceAll(/\s+/gu, " "),
    );
}

/** What is said at the place of a case, as a pattern. */
function saying({ at: place }: Case, severity: "error" | "warning", says: string): RegExp {
  const code = place === undefined ? "[}],?" : `"${place.replaceAll(".", "\\.")}"[^ ]*`;
  return new RegExp(`^${severity} at ${code}.*(?:${says})`, "iu");
}

const refusal = (item: Case): RegExp => saying(item, "error", item.says.source);

beforeAll(async () => {
  ground = await startGround();
  workspace = new Workspace([ground.agent]);
  others = new Workspace([ground.agent]);
});

afterAll(async () => {
  await others?.[Symbol.asyncDispose]();
  await workspace?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

describe("by itself", () => {
  beforeAll(() => refuse(byItself));
  test.each(titles(byItself))("%s", (_, item) => {
    expect(lines(item)).toEqual([expect.stringMatching(refusal(item))]);
  });
});

describe("against what is there", () => {
  beforeAll(async () => {
    workspace.configure({ resources: resources(atPlan, "from") });
    await workspace.apply("-parallelism=20");
    const foreign = Object.assign(
      {},
      ...atPlan.map((item) => item.others?.(item.place) ?? {}),
    ) as Resources;
    others.configure({ resources: resolved(foreign, workspace.attributes()) });
    await others.apply();
    await refuse(atPlan);
  });
  test.each(titles(atPlan))("%s", (_, item) => {
    // What a state has might go in the same apply.
    const says = item.others
      ? saying(item, "warning", "Taken until its holder is deleted")
      : refusal(item);
    expect(lines(item)).toEqual([expect.stringMatching(says)]);
  });

  test("an apply is refused what another state has and keeps", async () => {
    const before = (await allObjects(ground.agent)).size;
    const taken = atPlan.filter((item) => item.others);
    const all = resolved(resources(atPlan, "from"), {});
    workspace.configure({
      resources: { ...all, ...resolved(resources(taken, "config"), others.attributes()) },
    });
    said = (await workspace.said(["apply", "-json", "-auto-approve", "-parallelism=20"]))
      .diagnostics;
    expect(taken.length).toBeGreaterThan(3);
    for (const item of taken)
      expect(lines(item)).toContainEqual(expect.stringMatching(refusal(item)));
    expect((await allObjects(ground.agent)).size).toBe(before);
  });
});
