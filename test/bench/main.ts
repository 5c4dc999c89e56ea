/** `npm run -s bench -- NAME [--json] [--quick]`: measures, beside a peer or a floor of the same run. */
import { Report } from "./report.ts";

/** How a benchmark is run. */
export interface BenchOptions {
  /** Few repetitions: shows that the benchmark works, decides nothing. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** Says what is being done. */
  readonly progress: (text: string) => void;
}

type Bench = (report: Report, options: BenchOptions) => Promise<void>;

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  create: async () => (await import("./create.ts")).create,
  "create-many": async () => (await import("./create-many.ts")).createMany,
  provider: async () => (await import("./provider.ts")).provider,
};

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const [json, quick] = [process.argv.includes("--json"), process.argv.includes("--quick")];
const unknown = names.find((name) => !Object.hasOwn(benches, name));
if (names.length === 0 || unknown !== undefined) {
  console.error(
    `usage: npm run -s bench -- NAME… [--json] [--quick], NAME one of ${Object.keys(benches).join(", ")}`,
  );
  process.exit(2);
}

const interrupt = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => interrupt.abort());

for (const name of names) {
  const report = new Report(name);
  const bench = await benches[name]!();
  await bench(report, {
    quick,
    signal: interrupt.signal,
    progress: (text) => process.stderr.write(`${name}: ${text}\n`),
  });
  process.stderr.write(`${report.table()}\n`);
  if (json) console.log(report.json());
  if (!report.ok && !quick) process.exitCode = 1;
}
