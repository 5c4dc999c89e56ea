import { formatSize, parseSize } from "@lodge/schemas/spec/size.ts";

/** Why a disk cannot take its planned size, or undefined where it can. Sizes as written; anything else is no size yet. */
export function shrinkRefusal(
  planned: unknown,
  priorBytes: number | null | undefined,
): string | undefined {
  const bytes = typeof planned === "string" ? parseSize(planned) : undefined;
  if (bytes === undefined || priorBytes === null || priorBytes === undefined || bytes >= priorBytes)
    return undefined;
  return `A disk cannot shrink: it has ${formatSize(priorBytes)}, and ${planned as string} is less. Make a new disk and copy what is needed.`;
}
