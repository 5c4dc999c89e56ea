/** What many runs of the same thing say. Values in the unit that they were measured in. */
export interface Summary {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** The distance between the quartiles: half of all values lie within it. */
  readonly spread: number;
}

/** The value that a share of all values does not exceed; interpolated. Throws where there are none. */
export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("no values");
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (high - low) * (at - Math.floor(at));
}

/** The middle one of the values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** What the values say together. */
export function summarize(values: readonly number[]): Summary {
  return {
    n: values.length,
    median: median(values),
    min: Math.min(...values),
    max: Math.max(...values),
    spread: quantile(values, 0.75) - quantile(values, 0.25),
  };
}

/** The differences of pairs that were measured one after the other, so that both saw the same machine. */
export function differences(a: readonly number[], b: readonly number[]): number[] {
  return a.map((value, index) => value - b[index]!);
}
