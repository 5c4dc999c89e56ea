/** What a change of each attribute of each resource does, as tables. */
import { provider } from "../../provider/src/provider.ts";
import { nestedObject, type ObjectNode } from "../../provider/src/sdk/schema/attribute.ts";
import { deriveSchema } from "../../provider/src/sdk/schema/derive.ts";
import { effectOf, type Effect } from "./effect.ts";

/** One table for each resource: the attributes of each class. */
export function effectTables(): string {
  return provider.resources
    .map(({ type, schema }) => table(type, deriveSchema(schema)))
    .join("\n\n");
}

function table(type: string, root: ObjectNode): string {
  const classes = new Map<Effect, string[]>();
  for (const [name, effect] of effectsOf(root, "", "live", 0))
    classes.set(effect, [...(classes.get(effect) ?? []), `\`${name}\``]);
  const order: readonly Effect[] = ["live", "restart", "replaces", "replaces if it differs"];
  const rows = order.flatMap((effect) => {
    const names = classes.get(effect);
    return names ? [`| **${effect}** | ${names.join(", ")} |`] : [];
  });
  return [`### \`${type}\``, "", "| class | attributes |", "|---|---|", ...rows].join("\n");
}

function effectsOf(
  object: ObjectNode,
  prefix: string,
  inherited: Effect,
  depth: number,
): [string, Effect][] {
  return [...object.attributes.values()]
    .filter(({ required, optional }) => required || optional)
    .flatMap((attribute): [string, Effect][] => {
      const effect = effectOf(attribute, inherited, depth);
      const name = `${prefix}${attribute.name}`;
      const nested = nestedObject(attribute.node);
      // What is the provider's alone, such as timeouts, is one thing.
      if (!nested || attribute.update === undefined) return [[name, effect]];
      const within = attribute.node.kind === "object" ? `${name}.` : `${name}.*.`;
      const own: [string, Effect] = [attribute.node.kind === "object" ? name : `${name}.*`, effect];
      return [own, ...effectsOf(nested, within, effect, depth + 1)];
    });
}
