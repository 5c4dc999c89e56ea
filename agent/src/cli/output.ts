import { Option } from "commander";
import { writeLine, type Io } from "./io.ts";

/** How a command shows what it found. */
export type OutputFormat = "table" | "json";

/** What `--output` leaves in a command's options. */
export interface OutputOptions {
  readonly output: OutputFormat;
}

/** `--output`, which every command has. */
export function outputOption(): Option {
  return new Option("-o, --output <format>", "table for people, json for programs")
    .choices(["table", "json"])
    .default("table");
}

/** Prints a result in the format that was asked for. `human` gives the whole text, without its last line break. */
export function print(io: Io, format: OutputFormat, json: unknown, human: () => string): void {
  writeLine(io.stdout, format === "json" ? JSON.stringify(json, undefined, 2) : human());
}

/** Prints one of many results as it comes: in JSON one object on a line. */
export function printItem(io: Io, format: OutputFormat, json: unknown, human: () => string): void {
  writeLine(io.stdout, format === "json" ? JSON.stringify(json) : human());
}
