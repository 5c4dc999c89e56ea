/**
 * States as they were once written, by resource and schema version (`states/TYPE-VERSION.json`): every one of them must
 * be read for ever. A sample is never changed. Where a schema gets an attribute, its `type` gets it as well, and there
 * is a further sample; where anything else of it changes, it gets a new version, an upgrader and a new file.
 */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { provider } from "../provider.ts";
import {
  deriveIdentitySchemas,
  encodeIdentitySchemas,
  encodeProviderSchema,
} from "../sdk/server/provider-schema.ts";
import { simulate, type Core } from "../sdk/testing/core.ts";
import { encodeJson } from "../sdk/value/json.ts";
import { formatType, parseType, type Type } from "../sdk/value/type.ts";

const folder = join(import.meta.dirname, "states");

interface Frozen {
  /** The type of a state, as Terraform writes types. */
  readonly type: unknown;
  readonly identity: { readonly version: number; readonly attributes: Record<string, unknown> };
  /** The attributes of objects as they stand in a state file. */
  readonly samples: readonly Record<string, unknown>[];
}

const read = (type: string, version: number): Frozen =>
  JSON.parse(readFileSync(join(folder, `${type}-${version}.json`), "utf8")) as Frozen;

let core: Core;
beforeAll(async () => {
  core = await simulate({
    name: "lodge",
    schemaAsset: () => encodeProviderSchema(provider),
    identityAsset: () => encodeIdentitySchemas(provider),
    load: () => Promise.resolve(provider),
  });
});

test("there are samples of every version of every resource, and of nothing else", () => {
  const expected = provider.resources.flatMap(({ type, version }) =>
    Array.from({ length: version + 1 }, (_, index) => `${type}-${index}.json`),
  );
  expect(readdirSync(folder).toSorted()).toEqual(expected.toSorted());
});

describe.each(provider.resources.map(({ type, version }) => [type, version] as const))(
  "%s",
  (type, current) => {
    const versions = Array.from({ length: current + 1 }, (_, index) => index);

    test.each(versions)("states of version %i are read", async (version) => {
      const resource = core.resource(type);
      const { samples } = read(type, version);
      expect(samples.length).toBeGreaterThan(1);
      for (const sample of samples) {
        const state = await resource.upgrade(JSON.stringify(sample), version);
        const again = JSON.parse(encodeJson(resource.schema.type, state)) as object;
        if (version === current) expect(again).toEqual(sample);
        else expect(again).toMatchObject({ id: sample["id"] });
      }
    });

    test("the schema is that of the newest samples, which say each attribute", () => {
      const { type: frozen, samples } = read(type, current);
      const now = core.resource(type).schema.type;
      expect(JSON.parse(formatType(now))).toEqual(frozen);
      const said = new Set(samples.flatMap((sample) => [...paths(now, sample)]));
      expect(
        [...attributes(parseType(JSON.stringify(frozen)))].filter((path) => !said.has(path)),
      ).toEqual([]);
    });

    test("the identity is that of the newest samples", () => {
      const { version, identityAttributes } =
        deriveIdentitySchemas(provider).identitySchemas[type]!;
      const now = identityAttributes.map((attribute) => [
        attribute.name,
        JSON.parse(new TextDecoder().decode(attribute.type)),
      ]);
      expect({ version: Number(version), attributes: Object.fromEntries(now) }).toEqual(
        read(type, current).identity,
      );
    });
  },
);

/** Every attribute in a type, as a path without the keys of maps and lists. */
function* attributes(type: Type, path = ""): Generator<string> {
  if (type.kind === "object") {
    for (const [name, inner] of type.attributes) {
      yield `${path}.${name}`;
      yield* attributes(inner, `${path}.${name}`);
    }
  } else if ("element" in type) yield* attributes(type.element, path);
}

/** The same of what a value really says. */
function* paths(type: Type, value: unknown, path = ""): Generator<string> {
  if (value === null || value === undefined) return;
  if (type.kind === "object") {
    for (const [name, inner] of type.attributes) {
      const member = (value as Record<string, unknown>)[name];
      if (member === null || member === undefined) continue;
      yield `${path}.${name}`;
      yield* paths(inner, member, `${path}.${name}`);
    }
  } else if ("element" in type) {
    for (const element of Object.values(value)) yield* paths(type.element, element, path);
  }
}
