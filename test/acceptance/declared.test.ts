/** The declarations of the kinds leave nothing out: an attribute that nobody tries is an error here. */
import { beforeAll, describe, expect, test } from "vitest";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { kinds } from "@lodge/schemas/spec/kind.ts";
import { at, type Place } from "../harness/acceptance/kind.ts";
import { casesOf, differing } from "../harness/acceptance/case.ts";
import { resourceSchemas, type ResourceSchema } from "../harness/acceptance/schema.ts";
import { Workspace } from "../harness/acceptance/workspace.ts";
import { acceptanceKinds } from "./kinds/index.ts";

const place: Place = {
  name: "here",
  n: 1,
  host: "dev",
  files: { small: "/small", other: "/other", kernel: "/kernel", initrd: "/initrd" },
};

let schemas: Readonly<Record<string, ResourceSchema>>;

beforeAll(async () => {
  await using workspace = new Workspace([{ name: "dev", files: agentFiles("/nowhere", "dev") }]);
  schemas = await resourceSchemas(workspace);
});

test("every kind is declared, and every resource is of a kind", () => {
  const types = acceptanceKinds.map(({ kind }) => `lodge_${kind}`).toSorted();
  expect(Object.keys(schemas).toSorted()).toEqual(types);
  expect(
    Object.keys(kinds)
      .map((kind) => `lodge_${kind}`)
      .toSorted(),
  ).toEqual(types);
});

describe.each(acceptanceKinds)("$kind", (kind) => {
  const configurable = () => schemas[`lodge_${kind.kind}`]!.configurable;

  test("is tried with every attribute", () => {
    const set = kind.full.flatMap(({ config }) =>
      differing({}, { name: "", ...at(config, place) }),
    );
    expect([...new Set(set)].toSorted()).toEqual(configurable().toSorted());
  });

  test("is changed in every attribute, or says why it cannot be", () => {
    const changed = casesOf(kind, () => place).flatMap(({ rounds }) =>
      rounds.slice(1).flatMap((round, index) => differing(rounds[index], round)),
    );
    const covered = [...changed, ...Object.keys(kind.unchangeable)];
    const missing = configurable().filter(
      (path) => !covered.some((known) => known === path || known.startsWith(`${path}.`)),
    );
    expect(missing).toEqual([]);
  });
});
