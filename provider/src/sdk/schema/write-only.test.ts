/** Write-only attributes, wherever they stand: the handlers see them, plans and states never do. */
import * as z from "zod";
import { expect, test } from "vitest";
import { plainValue } from "../testing/core-value.ts";
import { thingCore } from "../testing/thing.ts";

const secret = z.string().optional().meta({ writeOnly: true });
const version = z.int().optional();
const schema = z.object({
  id: z.string().meta({ computed: "stable" }),
  password_wo: secret,
  password_wo_version: version,
  login: z.object({ user: z.string(), password_wo: secret, version }).optional(),
  users: z.record(z.string(), z.object({ password_wo: secret, version })).default({}),
  keys: z.array(z.object({ key_wo: secret })).optional(),
});

const wish = (word: string, number: number) => ({
  password_wo: word,
  password_wo_version: number,
  login: { user: "ann", password_wo: `${word}-login`, version: number },
  users: { bob: { password_wo: `${word}-bob`, version: number } },
  keys: [{ key_wo: `${word}-key` }],
});

test("arrive at create and at update, and stand in no plan and no state", async () => {
  const sent: unknown[] = [];
  const core = await thingCore(schema, {
    // A careless author gives back what came, secrets and all.
    create: ({ config }) => {
      sent.push(config);
      return Promise.resolve({ state: { ...config, id: "x" } });
    },
    update: ({ config, plan }) => {
      sent.push(config);
      expect(JSON.stringify(plan)).not.toContain("hush");
      return Promise.resolve({ state: { ...config, id: "x" } });
    },
    read: () => Promise.resolve({ state: {} }),
  });
  const made = await core.apply("thing", undefined, wish("hush-1", 1));
  expect(JSON.stringify(plainValue(made.state))).not.toContain("hush");
  // A secret alone is no change: nothing is left to compare it with.
  expect((await core.plan("thing", made, wish("hush-2", 1))).action).toBe("no-op");
  const changed = await core.apply("thing", made, wish("hush-2", 2));
  expect(JSON.stringify(plainValue(changed.state))).not.toContain("hush");
  expect(sent).toMatchObject([wish("hush-1", 1), wish("hush-2", 2)]);
});

test("are not read from a state that holds them all the same", async () => {
  const core = await thingCore(schema);
  const state = await core
    .resource("thing")
    .upgrade(JSON.stringify({ id: "x", ...wish("hush", 1) }));
  expect(JSON.stringify(plainValue(state))).not.toContain("hush");
});
