import type { BenchOptions } from "./main.ts";
import { measureIdleMemory } from "./provider-memory.ts";
import { measurePlans } from "./provider-plan.ts";
import { makeReleased, measureSizes } from "./provider-release.ts";
import { measureStart } from "./provider-start.ts";
import type { Report } from "./report.ts";

/** The provider as it is released: its size, its start, its memory, and its plans beside plans of `terraform_data`. */
export async function provider(report: Report, options: BenchOptions): Promise<void> {
  options.progress("making what is released");
  using released = await makeReleased();
  await measureSizes(report, released);
  await measureStart(report, released, options);
  const idle = await measureIdleMemory(report, released, options);
  await measurePlans(report, { released, idle }, options);
}
