/** Every attribute of every resource set, changed and unset, with what the plan says of it and what becomes of the object. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nothing } from "../harness/agent.ts";
import { casesOf, drifts, type Case } from "../harness/acceptance/case.ts";
import { Matrix } from "../harness/acceptance/matrix.ts";
import { places, startGround, type Ground } from "../harness/acceptance/place.ts";
import { sample } from "../harness/acceptance/sample.ts";
import { Workspace } from "../harness/acceptance/workspace.ts";
import { furniture, guestImages } from "./kinds/furniture.ts";
import { acceptanceKinds } from "./kinds/index.ts";

let ground: Ground;
let workspace: Workspace;
let matrix: Matrix;

beforeAll(async () => {
  ground = await startGround();
  const place = places({ files: () => ground.files });
  const all = acceptanceKinds.map((kind) => casesOf(kind, place));
  const title = (item: Case) => item.title;
  const cases = new Set([
    ...sample("changes that others make as well", all.flat().filter(drifts), 1, title),
    ...all.flatMap((changes, index) => {
      const { kind } = acceptanceKinds[index]!;
      return sample(`changes of ${kind}`, changes, kind === "vm" ? 6 : 2, title);
    }),
  ]);
  workspace = new Workspace([ground.agent]);
  matrix = new Matrix(ground.agent, workspace, [...cases], {
    ...furniture(ground.files),
    ...guestImages(ground.files),
  });
});

afterAll(async () => {
  await workspace?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

test("everything is made, and a plan after it is empty", async () => {
  const { found, expected } = await matrix.begin();
  expect(found).toEqual(expected);
});

test("every change is what the plan has said, and no more", async () => {
  for (let round = 1; round < matrix.rounds; round++) {
    const { found, expected } = await matrix.change(round);
    expect({ round, ...found }).toEqual({ round, ...expected });
  }
});

test("an edit by somebody else shows, and is mended", async () => {
  const { found, expected } = await matrix.drift();
  expect(found).toEqual(expected);
});

test("all of it goes in one apply, and leaves nothing", async () => {
  await workspace.destroy("-parallelism=20");
  expect(workspace.instances()).toEqual({});
  expect(await ground.agent.census()).toEqual(nothing);
});
