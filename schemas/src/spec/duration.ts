import * as z from "zod";

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const PATTERN = /^(?:[0-9]{1,9}(?:ms|s|m|h))+$/;

/** Parses a duration such as `90s` or `1h30m` into milliseconds; undefined where the text is none. */
export function parseDuration(text: string): number | undefined {
  if (!PATTERN.test(text)) return undefined;
  const parts = text.matchAll(/([0-9]+)(ms|s|m|h)/g);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
}

/** The shortest spelling of a number of milliseconds: `90000` is `90s`, `3600000` is `1h`. */
export function formatDuration(milliseconds: number): string {
  const unit = Object.entries(UNITS).findLast(
    ([, factor]) => milliseconds !== 0 && milliseconds % factor === 0,
  );
  return unit ? `${milliseconds / unit[1]}${unit[0]}` : "0s";
}

/** A duration as users write it (`"30s"`), a number of milliseconds inside. Limits in milliseconds, inclusive. */
export function duration({ min, max }: { readonly min: number; readonly max: number }) {
  return z.codec(
    z.string(),
    z.int().refine((value) => value >= min && value <= max, {
      error: (issue) =>
        `must be between ${formatDuration(min)} and ${formatDuration(max)}; ${formatDuration(issue.input as number)} is not`,
    }),
    {
      decode: (text, context) => {
        const milliseconds = parseDuration(text);
        if (milliseconds !== undefined) return milliseconds;
        context.issues.push({
          code: "custom",
          input: text,
          message: `must be a duration such as "30s", "5m" or "1h30m", not ${JSON.stringify(text)}`,
        });
        return z.NEVER;
      },
      encode: (milliseconds) => formatDuration(milliseconds),
    },
  );
}
