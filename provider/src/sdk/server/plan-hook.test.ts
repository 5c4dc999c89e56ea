import { describe, expect, test } from "vitest";
import * as z from "zod";
import { rawPlan, thingCore } from "../testing/thing.ts";
import { isUnknown, unknown } from "../value/unknown.ts";

const volatile = { computed: "volatile" } as const;

describe("the plan hook", () => {
  const schema = z.object({
    wish: z.string(),
    fact: z.string().meta(volatile),
    count: z.int().meta(volatile),
    lock: z.boolean().default(false),
  });
  const prior = { wish: "on", fact: "on", count: 1, lock: false };

  test("sets computed values known", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) planned.fact = planned.wish;
        return Promise.resolve();
      },
    });
    const created = await rawPlan(core, { wish: "on" }, null);
    expect(created.planned).toEqual({ wish: "on", fact: "on", count: unknown, lock: false });
    const later = await rawPlan(core, { wish: unknown }, prior);
    expect(later.planned).toEqual({ wish: unknown, fact: unknown, count: unknown, lock: false });
  });

  test("makes a change where the configuration makes none: drift of a fact is mended", async () => {
    let calls = 0;
    const core = await thingCore(schema, {
      plan({ planned, diagnostics }) {
        calls++;
        if (planned !== null && planned.fact !== planned.wish) {
          planned.fact = planned.wish;
          diagnostics.warning("It will be switched", "Because it is off.", ["wish"]);
        }
        return Promise.resolve();
      },
    });
    const drifted = await rawPlan(core, { wish: "on" }, { ...prior, fact: "off" });
    expect(drifted.planned).toEqual({ ...prior, count: unknown });
    expect(drifted.diagnostics).toEqual(["warning It will be switched: Because it is off. @ wish"]);
    calls = 0;
    const same = await rawPlan(core, { wish: "on" }, prior);
    expect(same.planned).toEqual(prior);
    expect(calls).toBe(1);
  });

  test("knows whether a new object is needed, by the schema or since it has asked", async () => {
    const said: boolean[] = [];
    const core = await thingCore(schema.extend({ place: z.string().meta({ update: "replace" }) }), {
      plan({ prior, replaces, requireReplace }) {
        said.push(replaces());
        if (prior) requireReplace(["wish"]);
        said.push(replaces());
        return Promise.resolve();
      },
    });
    const [before, config] = [
      { ...prior, place: "here" },
      { wish: "on", place: "here" },
    ];
    await rawPlan(core, config, null);
    await rawPlan(core, { ...config, wish: "off" }, before);
    await rawPlan(core, { ...config, place: unknown }, before);
    expect(said).toEqual([false, false, false, true, true, true]);
  });

  test("asks for a new object, in order with the schema's own", async () => {
    const core = await thingCore(schema, {
      plan({ requireReplace, changed }) {
        if (changed(["wish"])) {
          requireReplace(["wish"]);
          requireReplace(["wish"]);
          requireReplace(["fact"]);
        }
        return Promise.resolve();
      },
    });
    expect((await rawPlan(core, { wish: "off" }, prior)).requiresReplace).toEqual(["fact", "wish"]);
    expect((await rawPlan(core, { wish: "on" }, prior)).requiresReplace).toEqual([]);
    expect((await rawPlan(core, { wish: "on" }, null)).requiresReplace).toEqual([]);
  });

  test("refuses a destroy", async () => {
    const core = await thingCore(schema, {
      plan({ planned, prior: before, diagnostics }) {
        if (planned === null && before?.lock === true)
          diagnostics.error("Locked", "Unlock it first.", ["lock"]);
        return Promise.resolve();
      },
    });
    expect((await rawPlan(core, null, { ...prior, lock: true })).diagnostics).toEqual([
      "error Locked: Unlock it first. @ lock",
    ]);
    const free = await rawPlan(core, null, prior);
    expect(free).toEqual({ planned: null, requiresReplace: [], diagnostics: [], private: "" });
  });

  test("cannot change what the user has written, and is named for it", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) planned.wish = "other";
        return Promise.resolve();
      },
    });
    const { diagnostics } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics).toEqual([
      'error Provider produced an invalid plan of thing: wish: the plan says "other", but the configuration says "on". This is a bug in the provider; please report it. @ wish',
    ]);
  });

  test("a value of the wrong type is named", async () => {
    const core = await thingCore(schema, {
      plan({ planned }) {
        if (planned !== null) (planned as Record<string, unknown>)["count"] = "many";
        return Promise.resolve();
      },
    });
    const { diagnostics } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics[0]).toContain("count: a number is required");
  });

  test("a thrown error is a diagnostic at its attribute", async () => {
    const core = await thingCore(schema, {
      plan: () => Promise.reject(Object.assign(new Error("no capacity"), { path: ["wish"] })),
    });
    const { diagnostics, planned } = await rawPlan(core, { wish: "on" }, null);
    expect(diagnostics).toEqual(["error Unable to plan thing: no capacity @ wish"]);
    expect(planned).toBeUndefined();
  });

  test("keeps private data, or replaces it", async () => {
    const keeps = await thingCore(schema);
    expect((await rawPlan(keeps, { wish: "on" }, prior, '{"a":1}')).private).toBe('{"a":1}');
    expect((await rawPlan(keeps, null, prior, '{"a":1}')).private).toBe('{"a":1}');
    const replaces = await thingCore(schema, {
      plan: ({ private: kept }) => Promise.resolve({ private: { ...kept, b: 2 } }),
    });
    expect((await rawPlan(replaces, { wish: "on" }, prior, '{"a":1}')).private).toBe(
      '{"a":1,"b":2}',
    );
  });

  test("sees unknown values as such", async () => {
    const seen: unknown[] = [];
    const core = await thingCore(schema, {
      plan({ config, planned }) {
        seen.push(isUnknown(config?.wish), isUnknown(planned?.wish), config?.lock, planned?.lock);
        return Promise.resolve();
      },
    });
    await rawPlan(core, { wish: unknown }, null);
    expect(seen).toEqual([true, true, null, false]);
  });
});
