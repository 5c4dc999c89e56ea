/** What speaks against a wish whatever its kind. */
import { changes } from "@lodge/schemas/spec/changes.ts";
import { kinds, type KindName, type SpecOf } from "@lodge/schemas/spec/kind.ts";
import type { Record } from "./record.ts";
import type { Refusal } from "./refusal.ts";
import { article, describe, importCommand } from "./words.ts";

/** Without undefined members, as it comes back from the store. */
export function plain<T>(spec: T): T {
  return JSON.parse(JSON.stringify(spec)) as T;
}

/** The object's end was wished for. */
export function beingDeleted({ kind, id, spec }: Record): Refusal {
  return {
    reason: "BEING_DELETED",
    path: [],
    message: `${describe({ kind, id, spec })} is being deleted`,
    remedy: "Wait until it is gone, and create a new one.",
    kind,
    id,
    name: spec.name,
  };
}

/** The wish was made from another revision than the object has. */
export function revisionMismatch(
  { kind, id, spec, specRevision }: Record,
  expected?: number,
): Refusal {
  const made = expected === undefined ? "as a new object" : `from revision ${expected}`;
  return {
    reason: "REVISION_MISMATCH",
    path: [],
    message: `${describe({ kind, id, spec })} is at revision ${specRevision}; the edit was made ${made}`,
    remedy: "Look at it again, with Terraform by a new plan, and repeat the change.",
    kind,
    id,
    name: spec.name,
  };
}

/** An edit of what is no longer there. */
export function gone(kind: KindName, id: string): Refusal {
  return {
    reason: "NOT_FOUND",
    path: [],
    message: `there is no ${kinds[kind].title} ${id} on this host to change; it was deleted meanwhile`,
    remedy: "Plan again: it will be created.",
    kind,
    id,
  };
}

/** Another object has the name. */
export function nameTaken(holder: Record): Refusal {
  const { kind, id, spec, creator, claimed, deletedAt } = holder;
  const title = kinds[kind].title;
  const leaving = deletedAt !== undefined;
  // To import what a state has already would put one object under two addresses.
  const remedy = claimed
    ? "Choose another name: a Terraform state has that one already."
    : `Choose another name, or take it over: ${importCommand(kind, id)}`;
  return {
    reason: "NAME_TAKEN",
    path: ["name"],
    message: leaving
      ? `${article(title)} named ${spec.name} is still being deleted (id ${id})`
      : `${article(title)} named ${spec.name} exists already (id ${id}, created by ${creator})`,
    remedy: leaving ? "Try again when it is gone." : remedy,
    kind,
    id,
    name: spec.name,
    retryable: leaving,
  };
}

/** The same run has made an object by the same wish: it is another resource's. */
export function madeTwice(holder: Record): Refusal {
  const { kind, id, spec } = holder;
  return {
    ...nameTaken(holder),
    message: `${article(kinds[kind].title)} named ${spec.name} was made by this very apply (id ${id}): two resources have the same name`,
    remedy: "Give each a name of its own.",
  };
}

/** Another run that still goes on has made it, and may be about to claim it. */
export function beingMade(holder: Record): Refusal {
  const { kind, id, spec, creator } = holder;
  return {
    ...nameTaken(holder),
    message: `${article(kinds[kind].title)} named ${spec.name} is being made by another apply of ${creator} (id ${id})`,
    retryable: true,
  };
}

/** Changed fields that can only be chosen at the beginning. */
export function immutable<K extends KindName>(current: Record<K>, spec: SpecOf<K>): Refusal[] {
  return changes(kinds[current.kind].spec, plain(current.spec), plain(spec))
    .filter(({ update }) => update === "replace")
    .map(({ path }) => ({
      reason: "FIELD_IMMUTABLE",
      path,
      message: `\`${path.join(".")}\` can only be chosen when the ${kinds[current.kind].title} is made`,
      remedy: "Replace the object, or leave the field as it is.",
      kind: current.kind,
      id: current.id,
      name: current.spec.name,
    }));
}
