import { formatSize as textOf } from "@lodge/schemas/spec/size.ts";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";

export const formatSize = providerFunction({
  name: "format_size",
  summary: "The shortest exact spelling of a number of bytes.",
  description:
    "The shortest exact spelling of a number of bytes, as the provider's attributes take it: `format_size(2147483648)` is `2GiB`, `format_size(1536)` is `1536B`. Nothing is rounded.",
  parameters: [
    { name: "bytes", description: "How many bytes; a whole number.", schema: z.number() },
  ],
  returns: z.string(),
  call: ([bytes]) => {
    if (Number.isSafeInteger(bytes) && bytes >= 0) return textOf(bytes);
    throw new ArgumentError(
      0,
      `bytes must be a whole number from 0 to ${Number.MAX_SAFE_INTEGER}, not ${bytes}`,
    );
  },
});
