import { summarize, type Summary } from "./statistics.ts";

/** One promise: what was measured, and what it may be at most. */
export interface Check {
  readonly name: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
}

/** Collects what a benchmark measures and tells it as a table and as one line of JSON. */
export class Report {
  readonly name: string;
  readonly #checks: Check[] = [];
  readonly #samples = new Map<
    string,
    { readonly unit: string; readonly values: readonly number[] }
  >();

  constructor(name: string) {
    this.name = name;
  }

  /** Keeps the values of something that was measured; returns what they say. */
  sample(name: string, unit: string, values: readonly number[]): Summary {
    this.#samples.set(name, { unit, values });
    return summarize(values);
  }

  check(check: Check): void {
    this.#checks.push(check);
  }

  /** Whether every promise is kept. */
  get ok(): boolean {
    return this.#checks.every(({ value, limit }) => value <= limit);
  }

  table(): string {
    const samples = [...this.#samples].map(([name, { unit, values }]) => {
      const { n, median, min, max, spread } = summarize(values);
      return `  ${name.padEnd(44)} ${figure(median)} ${unit}  (n ${n}, ${figure(min)} to ${figure(max)}, half within ${figure(spread)})`;
    });
    const checks = this.#checks.map(
      ({ name, value, limit, unit }) =>
        `  ${value <= limit ? "kept  " : "BROKEN"} ${name}: ${figure(value)} ${unit}, at most ${figure(limit)}`,
    );
    return [this.name, ...samples, ...checks].join("\n");
  }

  json(): string {
    return JSON.stringify({
      bench: this.name,
      checks: this.#checks.map((check) => ({ ...check, ok: check.value <= check.limit })),
      samples: Object.fromEntries(
        [...this.#samples].map(([name, { unit, values }]) => [
          name,
          { unit, ...summarize(values), values },
        ]),
      ),
    });
  }
}

function figure(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(2);
}
