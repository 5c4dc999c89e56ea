import type { Path } from "./path.ts";
import { formatPath } from "./path.ts";

/** A value does not fit its type, or its encoding is broken. `path` leads to the place. */
export class ValueError extends Error {
  override readonly name = "ValueError";
  readonly path: Path;
  /** What is wrong, without the place. */
  readonly problem: string;

  constructor(problem: string, path: Path = [], options?: ErrorOptions) {
    super(path.length === 0 ? problem : `${formatPath(path)}: ${problem}`, options);
    this.problem = problem;
    this.path = path;
  }
}
