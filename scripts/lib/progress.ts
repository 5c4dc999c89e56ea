/** What a script says while it works: one line for each step, with its time. */
import { styleText } from "node:util";

const colour = process.stdout.isTTY && !process.env["NO_COLOR"];

function styled(style: "bold" | "dim" | "green" | "red" | "yellow", text: string): string {
  return colour ? styleText(style, text, { validateStream: false }) : text;
}

/** Prints a line that belongs to the step under way. */
export function note(text: string): void {
  console.log(`   ${text}`);
}

/** Prints something that the reader should not miss. */
export function warn(text: string): void {
  console.log(`   ${styled("yellow", text)}`);
}

/** Prints a heading. */
export function heading(text: string): void {
  console.log(`\n${styled("bold", text)}`);
}

/** Runs a step: what it is stands there before it begins, its time when it has ended. */
export async function step<T>(title: string, body: () => T | Promise<T>): Promise<T> {
  console.log(`${styled("bold", "==>")} ${title}`);
  const begin = performance.now();
  try {
    const result = await body();
    console.log(
      `   ${styled("green", "done")} ${styled("dim", `in ${seconds(performance.now() - begin)}`)}`,
    );
    return result;
  } catch (error) {
    console.log(
      `   ${styled("red", "failed")} ${styled("dim", `after ${seconds(performance.now() - begin)}`)}`,
    );
    throw error;
  }
}

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function seconds(milliseconds: number): string {
  if (milliseconds < 10_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  const whole = Math.round(milliseconds / 1000);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
