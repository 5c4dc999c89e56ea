import * as z from "zod";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};

const PATTERN = /^(0|[1-9][0-9]{0,15})(B|KiB|MiB|GiB|TiB|PiB)$/;

/** Parses a size such as `4GiB` into bytes; undefined where the text is no IEC size or exceeds 2^53. */
export function parseSize(text: string): number | undefined {
  const match = PATTERN.exec(text);
  if (!match) return undefined;
  const bytes = Number(match[1]) * (UNITS[match[2]!] ?? Number.NaN);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** The shortest exact spelling of a number of bytes: `2147483648` is `2GiB`, `1536` is `1536B`. */
export function formatSize(bytes: number): string {
  const unit = Object.entries(UNITS).findLast(([, factor]) => bytes !== 0 && bytes % factor === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : `${bytes}B`;
}

/** Limits of a size in bytes, all inclusive; `step` is what it must be a multiple of. */
export interface SizeLimits {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** A size as users write it (`"4GiB"`), a number of bytes inside. */
export function size({ min, max, step }: SizeLimits) {
  const range = `between ${formatSize(min)} and ${formatSize(max)}, in steps of ${formatSize(step)}`;
  return z.codec(
    z.string(),
    z.int().refine((bytes) => bytes >= min && bytes <= max && bytes % step === 0, {
      error: (issue) => `must be ${range}; ${formatSize(issue.input as number)} is not`,
    }),
    {
      decode: (text, context) => {
        const bytes = parseSize(text);
        if (bytes !== undefined) return bytes;
        context.issues.push({
          code: "custom",
          input: text,
          message: `must be a size with an IEC unit such as "512MiB" or "4GiB", not ${JSON.stringify(text)}`,
        });
        return z.NEVER;
      },
      encode: (bytes) => formatSize(bytes),
    },
  );
}
