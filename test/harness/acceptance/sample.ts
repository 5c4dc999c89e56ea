import { createHash, randomInt } from "node:crypto";

/** Repeats a sample where it is set. */
const seed = Number(process.env["LODGE_TEST_SEED"] || randomInt(2 ** 31));

/** Whether nothing is left out. */
export const complete = process.env["LODGE_TEST_ALL"] === "1";

/** Some of the items, in their order, the same for the same seed; all of them in a complete run. Says what was chosen. */
export function sample<T>(
  name: string,
  items: readonly T[],
  count: number,
  title: (item: T) => string,
): readonly T[] {
  if (complete || items.length <= count) return items;
  const draw = generator(name);
  const left = items.map((_, index) => index);
  const chosen = Array.from(
    { length: count },
    () => left.splice(Math.floor(draw() * left.length), 1)[0]!,
  );
  const kept = chosen.toSorted((a, b) => a - b).map((index) => items[index]!);
  console.log(
    `${name}: ${count} of ${items.length}, LODGE_TEST_SEED=${seed}\n  ${kept.map(title).join("\n  ")}`,
  );
  return kept;
}

/** Numbers from 0 to 1 (mulberry32), others for every name. */
function generator(name: string): () => number {
  let state = createHash("sha256").update(`${seed} ${name}`).digest().readInt32LE();
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
