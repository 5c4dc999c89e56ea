/** What a plan says of restarts: none comes unannounced, and none is announced that does not come. */
import type { Hosts } from "../hosts.ts";
import type { PlanContext } from "../sdk/resource.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import { runningOf } from "./running.ts";
import { plannedChanges } from "./translate.ts";
import type { vmSchema } from "./vm-schema.ts";

type Context = PlanContext<typeof vmSchema, Hosts>;

/** In which attributes the VM will differ from the guest that runs, by name. */
interface Difference {
  readonly certain: readonly string[];
  /** Those that are not known yet, or may be set back to what the guest runs with. */
  readonly possible: readonly string[];
}

/** Warns of a restart, or of changes that wait for one, with the names of all attributes that are the cause. */
export function announceRestart({ planned, prior, diagnostics, private: kept }: Context): void {
  const { power_state, on_restart_required } = planned!;
  if (prior!.actual_power_state !== "running" || power_state === "stopped") return;
  const { waiting, fresh } = differences(prior!, planned!, runningOf(kept));
  if (on_restart_required === "defer") {
    const names = [...fresh.certain, ...fresh.possible];
    if (names.length === 0) return;
    diagnostics.warning(
      `Changes ${fresh.certain.length > 0 ? "will" : "may"} wait for a restart`,
      `At the next boot of the VM: ${names.join(", ")}. With on_restart_required = "restart" this apply would restart it.`,
    );
    return;
  }
  const certain = [...waiting.certain, ...fresh.certain];
  const possible = [...waiting.possible, ...fresh.possible];
  if (certain.length + possible.length === 0) return;
  const open = Object.entries({ power_state, on_restart_required })
    .filter(([, value]) => isUnknown(value))
    .map(([name]) => `${name} is known only at apply.`);
  diagnostics.warning(
    `The VM ${certain.length > 0 && open.length === 0 ? "will" : "may"} be restarted`,
    [
      ...(certain.length > 0 ? [`These changes need it: ${certain.join(", ")}.`] : []),
      ...(possible.length > 0
        ? [`These need it, unless the guest runs with them already: ${possible.join(", ")}.`]
        : []),
      ...open,
      'With on_restart_required = "defer" they would wait for its next boot.',
    ].join(" "),
  );
}

/** What waits for a boot already, and what this plan adds to it or makes another. */
interface Differences {
  readonly waiting: Difference;
  readonly fresh: Difference;
}

type Prior = NonNullable<Context["prior"]>;
type Planned = NonNullable<Context["planned"]>;

function differences(
  prior: Prior,
  planned: Planned,
  running: Readonly<Record<string, unknown>> | undefined,
): Differences {
  const changes = restarting(prior, planned);
  if (!running) return guessed(prior, planned, changes);
  const isOfThisPlan = ({ name }: Change) =>
    changes.some((change) => isWithin(name, change.name) || isWithin(change.name, name));
  const all = restarting(running, planned);
  return {
    waiting: sorted(
      planned,
      all.filter((change) => !isOfThisPlan(change)),
    ),
    fresh: sorted(planned, all.filter(isOfThisPlan)),
  };
}

/**
 * The differences where only the names of what waits are known, not the values that the guest runs with. A further change
 * of the same attribute may set it back; of an entry that waits to be added, it is known that the guest runs without it.
 */
function guessed(prior: Prior, planned: Planned, changes: readonly Change[]): Differences {
  const changed = new Map(changes.map(({ path, name }) => [name, path]));
  const waits = prior.restart_required;
  const still = waits.filter(
    (name) => changed.has(name) || !changes.some((change) => isWithin(name, change.name)),
  );
  const isTakenBack = (path: readonly string[]) =>
    typeof at(prior, path) === "object" && at(planned, path) === undefined;
  return {
    waiting: {
      certain: still.filter((name) => !changed.has(name)),
      possible: still.filter((name) => changed.has(name) && !isTakenBack(changed.get(name)!)),
    },
    fresh: sorted(
      planned,
      changes.filter(({ name }) => !waits.some((other) => isWithin(name, other))),
    ),
  };
}

interface Change {
  readonly path: readonly string[];
  readonly name: string;
}

/** The attributes that need a restart to become others. */
function restarting(from: Readonly<Record<string, unknown>>, planned: Planned): Change[] {
  return plannedChanges("vm", from, planned)
    .filter(({ update }) => update === "restart")
    .map(({ path }) => ({ path, name: path.join(".") }));
}

function sorted(planned: Planned, changes: readonly Change[]): Difference {
  const names = (isPossible: boolean) =>
    changes
      .filter(({ path }) => isUnknown(at(planned, path)) === isPossible)
      .map(({ name }) => name);
  return { certain: names(false), possible: names(true) };
}

/** Whether a name is another one, or of a part of it. */
function isWithin(name: string, other: string): boolean {
  return name === other || name.startsWith(`${other}.`);
}

/** What stands at a path; undefined where nothing does. */
function at(values: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined || isUnknown(values)) return values ?? undefined;
  return at((values as Readonly<Record<string, unknown>> | null | undefined)?.[name], rest);
}
