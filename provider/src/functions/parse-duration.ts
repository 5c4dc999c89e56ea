import { parseDuration as millisecondsOf } from "@lodge/schemas/spec/duration.ts";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";

export const parseDuration = providerFunction({
  name: "parse_duration",
  summary: "The number of seconds of a duration.",
  description:
    'The number of seconds of a duration as the provider\'s attributes take it: `parse_duration("1h30m")` is 5400, `parse_duration("250ms")` is 0.25. The units are `ms`, `s`, `m` and `h`.',
  parameters: [
    { name: "duration", description: "A duration such as `30s` or `1h30m`.", schema: z.string() },
  ],
  returns: z.number(),
  call: ([duration]) => {
    const milliseconds = millisecondsOf(duration);
    if (milliseconds !== undefined) return milliseconds / 1000;
    throw new ArgumentError(
      0,
      `duration must be one such as "30s", "5m" or "1h30m", not ${JSON.stringify(duration)}`,
    );
  },
});
