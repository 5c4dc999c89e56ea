/** How objects are called in sentences for people. */
import { kinds, type KindName } from "@lodge/schemas/spec/kind.ts";
import type { Record } from "./record.ts";

/** `VM web (0b5b…)`. */
export function describe({ kind, id, spec }: Pick<Record, "kind" | "id" | "spec">): string {
  return `${kinds[kind].title} ${spec.name} (${id})`;
}

/** `a disk`, `an image`, at the beginning of a sentence. */
export function article(title: string): string {
  return `${/^[aeio]/.test(title) ? "An" : "A"} ${title}`;
}

/** The command that takes an existing object into a Terraform state. */
export function importCommand(kind: KindName, id: string): string {
  return `terraform import lodge_${kind}.NAME ${id}`;
}

/** `3 seconds`, `2 minutes`: how long until something, at least one second. */
export function seconds(milliseconds: number): string {
  const count = Math.max(1, Math.ceil(milliseconds / 1000));
  return count === 1 ? "1 second" : `${count} seconds`;
}

/** The words as a sentence. */
export function sentence(words: string): string {
  const begin = words.slice(0, 1).toUpperCase() + words.slice(1);
  return /[.!?]$/.test(begin) ? begin : `${begin}.`;
}
