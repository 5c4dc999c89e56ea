/** Every reason of an error with what it says, what it means and what to do: meanings generated, remedies written by hand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reasonEntry } from "../../schemas/src/rpc/reasons.ts";

/** One reason's part of `docs/templates/errors.md`. */
export interface Remedy {
  readonly reason: string;
  /** What users read, with "…" for what differs. */
  readonly says: readonly string[];
  /** Markdown: what to do. */
  readonly text: string;
}

/** Reasons that are looked at together. */
interface RemedyGroup {
  readonly title: string;
  readonly remedies: readonly Remedy[];
}

/** What is written by hand, in its order. */
export function remedyGroups(): readonly RemedyGroup[] {
  const path = join(import.meta.dirname, "..", "..", "docs", "templates", "errors.md");
  return readFileSync(path, "utf8")
    .split(/^# /mu)
    .slice(1)
    .map((group) => {
      const [title, ...parts] = group.split(/^## /mu);
      return { title: title!.trim(), remedies: parts.map(remedy) };
    });
}

function remedy(part: string): Remedy {
  const [reason, ...lines] = part.trim().split("\n");
  const says = lines.filter((line) => line.startsWith("> ")).map((line) => line.slice(2));
  const text = lines.filter((line) => !line.startsWith("> ")).join("\n");
  return { reason: reason!, says, text: text.trim() };
}

/** The list for the troubleshooting guide. */
export function errorList(): string {
  return remedyGroups()
    .flatMap(({ title, remedies }) => [`## ${title}`, ...remedies.map(section)])
    .join("\n\n");
}

function section({ reason, says, text }: Remedy): string {
  const entry = reasonEntry(reason);
  if (!entry) throw new Error(`${reason} in docs/templates/errors.md is no reason of ours.`);
  const retryable = "retryable" in entry ? ", may succeed later unchanged" : "";
  return [
    `### ${reason}`,
    says.map((line) => `> ${line}`).join("  \n"),
    `${entry.meaning} (\`${entry.code}\`${retryable}.)`,
    text,
  ].join("\n\n");
}
