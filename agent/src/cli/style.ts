import { styleText } from "node:util";
import type { Environment } from "@lodge/schemas/rpc/local-agent.ts";
import type { Output } from "./io.ts";

/** What a piece of text means; how that looks is decided here alone. */
export type Tone = "plain" | "strong" | "faint" | "good" | "warning" | "bad";

/** Gives text its look, or leaves it alone where nobody would see it. */
export type Style = (tone: Tone, text: string) => string;

const looks = {
  strong: "bold",
  faint: "dim",
  good: "green",
  warning: "yellow",
  bad: "red",
} as const satisfies Record<Exclude<Tone, "plain">, string>;

/** Colour on a terminal alone, and not where NO_COLOR asks for none. */
export function styleFor(output: Output, env: Environment): Style {
  const colour = output.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return (tone, text) =>
    colour && tone !== "plain" ? styleText(looks[tone], text, { validateStream: false }) : text;
}

/** Text from a guest or a program, fit for a terminal: what would move its cursor is shown as `?`. */
export function printable(text: string): string {
  return text.replaceAll(/\s+/gu, " ").replaceAll(/\p{Cc}/gu, "?");
}
