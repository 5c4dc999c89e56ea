import { formatPath, type Path } from "../value/path.ts";

/** A schema that Terraform cannot express. A mistake of the author, found when it is derived. */
export class SchemaError extends Error {
  override readonly name = "SchemaError";

  constructor(path: Path, problem: string) {
    super(path.length === 0 ? problem : `${formatPath(path)}: ${problem}`);
  }
}
