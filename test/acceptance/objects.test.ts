/** Objects of every kind in every form: made, planned again, imported, written down as configuration, lost, deleted. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kinds } from "@lodge/schemas/spec/kind.ts";
import { specOf } from "../harness/acceptance/case.ts";
import { compare, meaning, together } from "../harness/acceptance/compare.ts";
import { at, type Resources } from "../harness/acceptance/kind.ts";
import { allObjects, places, startGround, type Ground } from "../harness/acceptance/place.ts";
import { sample } from "../harness/acceptance/sample.ts";
import { resourceSchemas, type ResourceSchema } from "../harness/acceptance/schema.ts";
import { variantsOf, type Variant } from "../harness/acceptance/variants.ts";
import { resolved, Workspace } from "../harness/acceptance/workspace.ts";
import { furniture, guestImages } from "./kinds/furniture.ts";
import { acceptanceKinds } from "./kinds/index.ts";

let ground: Ground;
let workspace: Workspace;
let schemas: Readonly<Record<string, ResourceSchema>>;
let variants: readonly Variant[];
let resources: Resources;
const place = places({ files: () => ground.files });

beforeAll(async () => {
  ground = await startGround();
  workspace = new Workspace([ground.agent]);
  schemas = await resourceSchemas(workspace);
  variants = acceptanceKinds.flatMap((kind) =>
    variantsOf(kind, schemas[`lodge_${kind.kind}`]!.optional, place),
  );
  resources = Object.assign(
    { ...furniture(ground.files), ...guestImages(ground.files) },
    ...variants.map((variant) => variant.resources),
  ) as Resources;
  workspace.configure({ resources });
});

afterAll(async () => {
  await workspace?.[Symbol.asyncDispose]();
  await ground?.[Symbol.asyncDispose]();
});

const of = (title: Variant["title"]) => variants.filter((variant) => variant.title === title);

describe("made", () => {
  beforeAll(() => workspace.apply("-parallelism=20"));

  test("a plan is empty, with and without a refresh", async () => {
    expect(await workspace.remains()).toEqual([]);
  });

  test("the agent holds what was meant, and the state what the agent says", async () => {
    const objects = await allObjects(ground.agent);
    const state = workspace.attributes();
    for (const { kind, title, address, meant } of variants) {
      const item = objects.get(state[address]!["id"]);
      const { found, expected } = together({
        meant: { expected: specOf(kind.kind, resolved(meant, state)), found: item?.spec },
        state: compare(kind.kind, state[address]!, item),
      });
      expect({ address, title, ...found }).toEqual({ address, title, ...expected });
    }
  });

  test("everything that the provider says is known", () => {
    const state = workspace.attributes();
    for (const { kind, address } of variants) {
      const empty = schemas[`lodge_${kind.kind}`]!.computed.filter(
        (name) => state[address]![name] === null && !(name in kind.mayBeNull),
      );
      expect({ [address]: empty }).toEqual({ [address]: [] });
    }
  });

  test("null is the same as nothing", () => {
    const state = workspace.attributes();
    for (const { kind, address } of of("nulls")) {
      const twin = of("minimal").find((other) => other.kind === kind)!;
      const said = ({ attributes }: { attributes: object }) =>
        Object.entries(attributes).filter(([name]) =>
          schemas[`lodge_${kind.kind}`]!.optional.includes(name),
        );
      expect(said({ attributes: state[address]! })).toEqual(
        said({ attributes: state[twin.address]! }),
      );
    }
  });
});

describe("imported", () => {
  /** The configuration without what an import cannot know. */
  const known = (): Resources =>
    Object.fromEntries(
      Object.entries(resources)
        .filter(([address]) => address.startsWith("lodge_"))
        .map(([address]) => {
          const variant = variants.find((one) => one.address === address);
          const config = variant?.meant ?? resources[address]!;
          const unknown = Object.keys(variant?.kind.notImported ?? {});
          return [
            address,
            Object.fromEntries(Object.entries(config).filter(([name]) => !unknown.includes(name))),
          ];
        }),
    );

  /** What a state holds of its objects, whatever the spelling, as far as an import knows it. */
  const facts = (state: ReturnType<Workspace["attributes"]>) =>
    Object.fromEntries(
      Object.entries(state)
        .filter(([address]) => address.startsWith("lodge_"))
        .map(([address, attributes]) => {
          const kind = acceptanceKinds.find((one) => address.startsWith(`lodge_${one.kind}.`))!;
          return [
            address,
            Object.fromEntries(
              Object.entries({ ...attributes, ...specOf(kind.kind, attributes) }).filter(
                ([name]) => !(name in kind.notImported),
              ),
            ),
          ];
        }),
    );

  test.each(["id", "host/name"])(
    "by %s, everything is the same, and nothing is to do",
    async (form) => {
      const state = workspace.attributes();
      const ids = Object.fromEntries(
        Object.entries(facts(state)).map(([address, { id, name }]) => [
          address,
          form === "id" ? String(id) : `dev/${name}`,
        ]),
      );
      await using second = new Workspace([ground.agent]);
      second.importing(ids, known());
      const plan = await second.planned();
      expect(plan.diagnostics).toEqual([]);
      expect(plan.changes).toEqual({});
      expect(plan.imported.toSorted()).toEqual(Object.keys(ids).toSorted());
      await second.applyPlanned();
      expect(facts(second.attributes())).toEqual(facts(state));
      expect(await second.remains()).toEqual([]);
    },
  );

  test("from the command line, one of each kind", async () => {
    const state = workspace.attributes();
    const chosen = acceptanceKinds.flatMap(({ kind }) =>
      sample(
        `imports of ${kind}`,
        variants.filter((variant) => variant.kind.kind === kind),
        1,
        ({ address, title }) => `${address} (${title})`,
      ),
    );
    await using second = new Workspace([ground.agent]);
    second.configure({ resources: known() });
    for (const [index, { address }] of chosen.entries()) {
      const { id, name } = state[address]!;
      await second.import(address, index % 2 === 0 ? id : `dev/${name}`);
    }
    const imported = second.attributes();
    expect(Object.keys(imported)).toHaveLength(chosen.length);
    expect(facts(imported)).toEqual(
      Object.fromEntries(chosen.map(({ address }) => [address, facts(state)[address]])),
    );
  });

  test("what nobody has, in words that help", async () => {
    await using second = new Workspace([ground.agent]);
    second.importing(
      Object.fromEntries(
        acceptanceKinds.map(({ kind }, index) => [
          `lodge_${kind}.it`,
          index % 2 === 0 ? "dev/nobody" : "00000000-0000-4000-8000-000000000000",
        ]),
      ),
      Object.fromEntries(
        acceptanceKinds.map(({ kind, minimal }) => [
          `lodge_${kind}.it`,
          { name: "nobody", ...resolved(at(minimal, place(kind)), workspace.attributes()) },
        ]),
      ),
    );
    const { exitCode, diagnostics } = await second.planned();
    expect(exitCode).toBe(1);
    expect(diagnostics.map(({ detail }) => detail)).toEqual(
      acceptanceKinds.map(() => expect.stringMatching(/with the name nobody|with the id 0{8}-/u)),
    );
  });
});

describe("looked up", () => {
  const plural = ({ kind }: { kind: string }) => `lodge_${kind}s`;

  test("by id and by name, an object is what the resource says; several come together", async () => {
    const state = workspace.attributes();
    const chosen = [...of("minimal"), ...of("full")];
    const data = chosen.flatMap(({ kind: { kind }, address }, index) => [
      [`lodge_${kind}.id_${index}`, { id: state[address]!["id"] }],
      [`lodge_${kind}.name_${index}`, { name: state[address]!["name"], host: "dev" }],
    ]);
    const all = acceptanceKinds.map((kind) => [`${plural(kind)}.all`, {}]);
    const none = acceptanceKinds.map((kind) => [`${plural(kind)}.none`, { name_prefix: "nobody" }]);
    await using second = new Workspace([ground.agent], {
      data: Object.fromEntries([...data, ...all, ...none]) as Resources,
    });
    await second.apply();
    const found = second.attributes("data");
    for (const [index, { kind, address }] of chosen.entries()) {
      for (const form of ["id", "name"]) {
        const one = found[`lodge_${kind.kind}.${form}_${index}`]!;
        // Where it is looked for is not where it is wished to be.
        const shared = Object.keys(one).filter(
          (name) => name !== "host" && name in state[address]!,
        );
        const told = (from: Readonly<Record<string, unknown>>) =>
          Object.fromEntries(shared.map((name) => [name, meaning(from[name])]));
        expect({ address, form, ...told(one) }).toEqual({
          address,
          form,
          ...told(state[address]!),
        });
      }
    }
    const objects = [...(await allObjects(ground.agent)).values()];
    for (const kind of acceptanceKinds) {
      const lists = [found[`${plural(kind)}.all`]!, found[`${plural(kind)}.none`]!].map((list) =>
        (list["ids"] as string[]).toSorted(),
      );
      const ids = objects.filter((item) => item.kind === kind.kind).map(({ id }) => id);
      expect({ [kind.kind]: lists }).toEqual({ [kind.kind]: [ids.toSorted(), []] });
    }
  });

  test("what is not there, and what nobody could mean, is an error at its attribute", async () => {
    const nowhere = "00000000-0000-4000-8000-000000000000";
    const data = Object.fromEntries(
      acceptanceKinds.flatMap(({ kind }) => [
        [`lodge_${kind}.id`, { id: nowhere }],
        [`lodge_${kind}.name`, { name: "nobody" }],
      ]),
    );
    await using second = new Workspace([ground.agent], { data });
    const { diagnostics } = await second.planned();
    const said = diagnostics.map(
      ({ address, detail, snippet }) => `${address} at ${snippet!.code.trim()} ${detail}`,
    );
    expect(said.toSorted()).toEqual(
      Object.keys(data)
        .toSorted()
        .map((address) =>
          expect.stringMatching(
            address.endsWith(".id")
              ? new RegExp(`^data\\.${address} at "id".* with the id ${nowhere}`, "u")
              : new RegExp(`^data\\.${address} at "name".* with the name nobody`, "u"),
          ),
        ),
    );
    second.configure({
      data: Object.fromEntries(
        acceptanceKinds.flatMap(({ kind }) => [
          [`lodge_${kind}.both`, { id: nowhere, name: "nobody" }],
          [`lodge_${kind}.none`, {}],
        ]),
      ),
    });
    const neither = await second.planned();
    expect(neither.diagnostics.map(({ detail }) => detail)).toEqual(
      acceptanceKinds.flatMap(() =>
        [1, 2].map(() => expect.stringMatching(/Exactly one of id and name says which/u)),
      ),
    );
  });
});

describe("written down as configuration", () => {
  /** Makes the foreign objects as somebody else does, and answers their ids by the addresses that they shall get. */
  async function makeForeign(): Promise<Record<string, string>> {
    const state = workspace.attributes();
    const ids: Record<string, string> = {};
    for (const { kind, foreign } of acceptanceKinds) {
      for (const [index, spec] of foreign.entries()) {
        const id = randomUUID();
        const wish = spec(place(kind), (address) => String(state[address]!["id"]));
        const client = await ground.agent.client(kind);
        await client.put({ id, spec: kinds[kind].spec.parse(wish) });
        ids[`lodge_${kind}.foreign_${index}`] = id;
      }
    }
    const unready = async () =>
      [...(await allObjects(ground.agent)).values()].filter(
        ({ specRevision, observedRevision }) => specRevision !== observedRevision,
      );
    await expect.poll(unready).toEqual([]);
    return ids;
  }

  test("by Terraform, everything is valid and as it is", async () => {
    const own = Object.fromEntries(
      Object.entries(workspace.attributes())
        .filter(([address]) => address.startsWith("lodge_"))
        .map(([address, { id }]) => [address, String(id)]),
    );
    const ids = { ...own, ...(await makeForeign()) };
    await using second = new Workspace([ground.agent]);
    second.importing(ids);
    const plan = await second.planned("-generate-config-out=generated.tf");
    expect(plan.diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(plan.changes).toEqual({});
    expect(plan.imported.toSorted()).toEqual(Object.keys(ids).toSorted());
    await second.applyPlanned();
    second.configure({});
    expect(await second.remains()).toEqual([]);
  });
});
