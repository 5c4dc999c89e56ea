import type { Diagnostics } from "../diagnostic.ts";
import type { Problem } from "../schema/check.ts";
import { formatPath } from "../value/path.ts";

/** Reports the provider's own mistakes, each at its attribute. */
export function reportBugs(
  diagnostics: Diagnostics,
  type: string,
  doing: string,
  problems: readonly Problem[],
): void {
  for (const { path, message } of problems) {
    diagnostics.error(
      `Provider produced an invalid ${doing} of ${type}`,
      `${formatPath(path)}: ${message}. This is a bug in the provider; please report it.`,
      path,
    );
  }
}
