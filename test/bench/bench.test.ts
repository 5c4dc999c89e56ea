/** That the benchmarks run, and say what they promise to say; what they find decides nothing here. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { command } from "../harness/agent.ts";
import { limit } from "../harness/scale.ts";

const names = ["create", "provider"];
if (process.env["LODGE_TEST_ALL"] === "1") names.push("create-many");

interface Written {
  readonly bench: string;
  readonly checks: readonly { readonly value: number; readonly limit: number }[];
  readonly samples: Readonly<
    Record<
      string,
      { readonly n: number; readonly values: readonly number[]; readonly median: number }
    >
  >;
}

test.each(names)(
  "bench %s measures, and ends with one line of JSON",
  async (name) => {
    const program = join(import.meta.dirname, "main.ts");
    const { exitCode, stdout, stderr } = await command(
      process.execPath,
      [program, name, "--json", "--quick"],
      {},
    );
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
    const report = JSON.parse(stdout.trim().split("\n").at(-1)!) as Written;
    expect(report).toMatchObject({ bench: name });
    for (const check of report.checks) {
      expect(check).toEqual({
        name: expect.any(String),
        value: expect.any(Number),
        limit: expect.any(Number),
        unit: expect.any(String),
        ok: check.value <= check.limit,
      });
    }
    expect(report.checks.length).toBeGreaterThan(0);
    for (const { n, values, median } of Object.values(report.samples)) {
      expect(values).toHaveLength(n);
      expect(values).toContainEqual(expect.any(Number));
      expect(median).toBeGreaterThan(-Infinity);
    }
  },
  await limit(10_000),
);
