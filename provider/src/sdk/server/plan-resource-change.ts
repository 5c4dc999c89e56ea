import type { ObjectNode } from "../schema/attribute.ts";
import { planProblems } from "../schema/check.ts";
import { withDefaults } from "../schema/defaults.ts";
import { deriveSchema } from "../schema/derive.ts";
import { isChange, openPlan, settlePlan } from "../schema/plan.ts";
import { replacePaths } from "../schema/replace.ts";
import { valuesEqual } from "../value/equal.ts";
import type { Path } from "../value/path.ts";
import { comparePaths } from "../value/path.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, member } from "../value/value.ts";
import { answer } from "./answer.ts";
import { attributePath } from "./attribute-path.ts";
import { reportBugs } from "./bug.ts";
import { readObject, readValue, writeValue } from "./dynamic-value.ts";
import { identityOf, identityProblems, readIdentity, writeIdentity } from "./identity.ts";
import type { Hooked } from "./plan-hook.ts";
import { runPlanHook } from "./plan-hook.ts";
import { writePrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/**
 * Predicts a change. Terraform plans every object at least twice: with what is known before the
 * apply, and in it; a replacement once more with no prior state.
 */
export const planResourceChange: Handler<"planResourceChange"> = (session, request, signal) =>
  answer({ session, verb: "plan", type: request.typeName }, async (answering) => {
    const resource = await session.resource(request.typeName);
    const node = deriveSchema(resource.schema);
    answering.node = node;
    const { diagnostics } = answering;
    const prior = readValue(node.type, request.priorState, "prior state");
    const proposed = readValue(node.type, request.proposedNewState, "proposed state");
    const hook = (config: Value, planned: Members | null): Promise<Hooked> =>
      runPlanHook(session, resource, node, {
        config,
        prior,
        planned,
        kept: request.priorPrivate,
        signal,
      });

    if (proposed === null) {
      const { diagnostics: said, private: kept } = await hook(null, null);
      for (const diagnostic of said.list) diagnostics.add(diagnostic);
      return {
        plannedState: writeValue(node.type, null),
        plannedPrivate: writePrivate(kept, request.priorPrivate),
      };
    }

    const config = readObject(node.type, request.config, "configuration");
    const change = { config: withDefaults(node, config) as Members, prior, proposed };
    const settled = settlePlan(node, change);
    const isOpen = isChange(node, settled, prior);
    let hooked = await hook(config, isOpen ? openPlan(node, settled, change) : settled);
    if (!isOpen && isChange(node, hooked.planned, prior)) {
      // The hook has made a change out of none: now the volatile values are open as well.
      hooked = await hook(config, openPlan(node, settled, change));
    }
    for (const diagnostic of hooked.diagnostics.list) diagnostics.add(diagnostic);
    const { planned } = hooked;
    // What becomes of an object that is made is another one, perhaps in the place of the one before.
    const identity = prior === null ? undefined : identityOf(resource, prior);
    const kept = prior === null ? null : readIdentity(resource, request.priorIdentity);
    reportBugs(diagnostics, request.typeName, "plan", [
      ...hooked.problems,
      ...planProblems(node, config, prior, planned),
      ...identityProblems(resource, kept, identity),
    ]);
    const replace = [
      ...replacePaths(node, { ...change, planned }),
      ...hooked.replace,
      ...(resource.update === undefined ? changedAttributes(node, prior, planned) : []),
    ];
    return {
      plannedState: writeValue(node.type, planned),
      plannedPrivate: writePrivate(hooked.private, request.priorPrivate),
      requiresReplace: prior === null ? [] : addresses(node, replace),
      plannedIdentity: writeIdentity(resource, identity),
    };
  });

/** Without an update handler any change needs a new object. */
function changedAttributes(node: ObjectNode, prior: Value, planned: Members): Path[] {
  if (!isMembers(prior)) return [];
  return [...node.attributes.values()]
    .filter(
      ({ name, node: inner }) =>
        !valuesEqual(inner.type, member(prior, name), member(planned, name)),
    )
    .map(({ name }) => [name]);
}

/** Sorted, and each place once, also where several paths lead into one set. */
function addresses(node: ObjectNode, paths: readonly Path[]): ReturnType<typeof attributePath>[] {
  const seen = new Set<string>();
  return paths
    .toSorted(comparePaths)
    .map((path) => attributePath(node, path))
    .filter(({ steps }) => {
      const key = JSON.stringify(steps, (_key, value: unknown) =>
        typeof value === "bigint" ? Number(value) : value,
      );
      if (steps.length === 0 || seen.has(key)) return false;
      seen.add(key);
      return true;
    });
}
