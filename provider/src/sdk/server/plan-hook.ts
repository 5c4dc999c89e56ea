import { Diagnostics } from "../diagnostic.ts";
import type { Resource } from "../resource.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import type { Problem } from "../schema/check.ts";
import { withDefaults } from "../schema/defaults.ts";
import { fromNative, toNative } from "../schema/native.ts";
import { replacePaths } from "../schema/replace.ts";
import { valuesEqual } from "../value/equal.ts";
import { ValueError } from "../value/error.ts";
import type { Path } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { member } from "../value/value.ts";
import type { PrivateData } from "../values.ts";
import { readPrivate } from "./private.ts";
import type { Session } from "./session.ts";

interface Planning {
  /** What the user wrote, without defaults; null at destroy. */
  readonly config: Value;
  readonly prior: Value;
  readonly planned: Members | null;
  readonly kept: Uint8Array;
  readonly signal: AbortSignal;
}

/** A plan after the resource had its say. */
export interface Hooked {
  /** Empty at destroy. */
  readonly planned: Members;
  readonly private: PrivateData | undefined;
  readonly replace: readonly Path[];
  readonly diagnostics: Diagnostics;
  readonly problems: readonly Problem[];
}

/** Lets a resource refine its plan. Its diagnostics are kept apart, as a plan may be made twice. */
export async function runPlanHook(
  session: Session,
  resource: Resource<unknown>,
  node: ObjectNode,
  planning: Planning,
): Promise<Hooked> {
  const { config, prior, planned, kept, signal } = planning;
  const diagnostics = new Diagnostics();
  const replace: Path[] = [];
  const empty = Object.create(null) as Members;
  if (resource.plan === undefined) {
    return { planned: planned ?? empty, private: undefined, replace, diagnostics, problems: [] };
  }
  const native = planned === null ? null : toNative(node, planned);
  const result = await resource.plan({
    config: toNative(node, config) as never,
    prior: toNative(node, prior) as never,
    planned: native as never,
    private: readPrivate(kept),
    client: session.client,
    signal,
    diagnostics,
    requireReplace: (path) => void replace.push(path),
    changed: (path) => prior === null || planned === null || differs(node, prior, planned, path),
    replaces: () => {
      const change = { config: withDefaults(node, config), prior, planned };
      return replace.length > 0 || replacePaths(node, change).length > 0;
    },
  });
  const data = result?.private;
  if (planned === null)
    return { planned: empty, private: data, replace, diagnostics, problems: [] };
  try {
    return {
      planned: fromNative(node, native) as Members,
      private: data,
      replace,
      diagnostics,
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    const problems = [{ path: error.path, message: error.problem }];
    return { planned, private: data, replace, diagnostics, problems };
  }
}

function differs(node: ObjectNode, prior: Value, planned: Value, path: Path): boolean {
  let [type, a, b]: [ObjectNode["type"] | undefined, Value, Value] = [node.type, prior, planned];
  for (const step of path) {
    if (type === undefined || isUnknown(a) || isUnknown(b)) break;
    const child = (value: Value): Value =>
      Array.isArray(value)
        ? ((value as readonly Value[])[Number(step)] ?? null)
        : member(value, String(step));
    type =
      type.kind === "object"
        ? type.attributes.get(String(step))
        : "element" in type
          ? type.element
          : undefined;
    [a, b] = [child(a), child(b)];
  }
  return type === undefined || !valuesEqual(type, a, b);
}
