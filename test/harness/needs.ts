import { findProgram } from "../../agent/src/lib/program-path.ts";

/** What a running test can be skipped by, with the reason. */
interface Skippable {
  skip(note: string): never;
}

/** Skips the test where none of the programs is installed, and says so. */
export function needs(context: Skippable, ...programs: string[]): void {
  if (!programs.some((program) => findProgram(program, process.env)))
    context.skip(`${programs.join(" and ")} ${programs.length > 1 ? "are" : "is"} not installed`);
}
