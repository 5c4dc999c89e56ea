import { parseSize as bytesOf } from "@lodge/schemas/spec/size.ts";
import * as z from "zod";
import { ArgumentError, providerFunction } from "../sdk/function.ts";

export const parseSize = providerFunction({
  name: "parse_size",
  summary: "The number of bytes of a size.",
  description:
    'The number of bytes of a size as the provider\'s attributes take it, for comparing sizes and calculating with them: `parse_size("4GiB")` is 4294967296. The units are `B`, `KiB`, `MiB`, `GiB`, `TiB` and `PiB`.',
  parameters: [
    { name: "size", description: "A size such as `512MiB` or `4GiB`.", schema: z.string() },
  ],
  returns: z.number(),
  call: ([size]) => {
    const bytes = bytesOf(size);
    if (bytes !== undefined) return bytes;
    throw new ArgumentError(
      0,
      `size must be a whole number with an IEC unit such as "512MiB" or "4GiB", not ${JSON.stringify(size)}`,
    );
  },
});
