/** What a changed attribute does, as the classes in the specs say it. */
import type { Attribute } from "../../provider/src/sdk/schema/attribute.ts";

/** The class of an attribute, by the name that the pages use. */
export type Effect = "live" | "restart" | "replaces" | "replaces if it differs";

const classes = { live: "live", restart: "restart", replace: "replaces" } as const;

/** Attributes of the provider alone, whose plan decides what no class can say. */
const decidedByPlan: Readonly<Record<string, Effect>> = {
  host: "replaces if it differs",
  local_path: "replaces if it differs",
};

/** The effect of a change of an attribute; what it does not say itself is its parent's. */
export function effectOf({ name, update }: Attribute, inherited: Effect, depth: number): Effect {
  if (depth === 0 && decidedByPlan[name]) return decidedByPlan[name];
  return update === undefined ? inherited : classes[update];
}

const meanings: Readonly<Record<Effect, string>> = {
  live: "takes effect at once, and nothing stops",
  restart:
    "waits for the VM's next boot, unless `on_restart_required` says otherwise; the plan says so",
  replaces: "deletes the object and makes a new one; the plan says so",
  "replaces if it differs": "does the same, but only where the new value stands for something else",
};

/** One paragraph that explains the effects that a page names. */
export function legend(used: ReadonlySet<Effect>): string {
  const words = (Object.keys(meanings) as Effect[]).filter((effect) => used.has(effect));
  if (words.length === 0) return "";
  const lines = words.map((effect) => `- **${effect}**: ${meanings[effect]}.`);
  return `The word in bold says what a change of the attribute does to an object that exists:\n\n${lines.join("\n")}`;
}
