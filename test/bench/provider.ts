import type { BenchOptions } from "./main.ts";
import { measurePlans } from "./provider-plan.ts";
import { measureStart } from "./provider-start.ts";
import type { Report } from "./report.ts";

/** The provider's start, its plans beside plans of nothing but `terraform_data`, and its calls. */
export async function provider(report: Report, options: BenchOptions): Promise<void> {
  await measureStart(report, options);
  await measurePlans(report, options);
}
