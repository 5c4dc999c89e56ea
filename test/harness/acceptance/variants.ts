/** The configurations of a kind that are tried without being changed. */
import { at, type AcceptanceKind, type Place, type Resources, type Values } from "./kind.ts";

/** A resource with all that it needs of its own. */
export interface Variant {
  readonly kind: AcceptanceKind;
  readonly title: "minimal" | "nulls" | "empty" | "full" | "unknown" | "unknown parts";
  readonly address: string;
  readonly config: Values;
  /** What is meant, where the configuration does not say it before an apply. */
  readonly meant: Values;
  readonly resources: Resources;
}

type Needs = ((at: Place) => Resources) | undefined;

/** All variants of a kind; `optional` are its attributes that may be left out. */
export function variantsOf(
  kind: AcceptanceKind,
  optional: readonly string[],
  place: (kind: string) => Place,
): Variant[] {
  const variant = (
    title: Variant["title"],
    values: (at: Place) => Values,
    needs?: Needs,
    hide?: (address: string, config: Values) => Values,
  ): Variant => {
    const here = place(kind.kind);
    const address = `lodge_${kind.kind}.${here.name}`;
    const meant = { name: here.name, ...values(here) };
    const source = `terraform_data.${here.name}`;
    const config = hide ? hide(source, meant) : meant;
    const hidden: Resources = hide ? { [source]: { input: meant } } : {};
    const resources = { ...needs?.(here), ...hidden, [address]: config };
    return { kind, title, address, config, meant, resources };
  };
  const minimal = (here: Place) => at(kind.minimal, here);
  const nulls = (here: Place) => ({
    ...Object.fromEntries(optional.map((name) => [name, null])),
    ...minimal(here),
  });
  return [
    variant("minimal", minimal),
    variant("nulls", nulls),
    ...kind.empty.map((config) => variant("empty", (here) => at(config, here))),
    ...kind.full.flatMap(({ config, needs }) => {
      const values = (here: Place) => at(config, here);
      return [
        variant("full", values, needs),
        variant("unknown", values, needs, unknownAttributes),
        variant("unknown parts", values, needs, unknownParts),
      ];
    }),
  ];
}

/** Every attribute as a whole known after apply only. */
const unknownAttributes = (source: string, config: Values): Values =>
  Object.fromEntries(
    Object.keys(config).map((name) => [name, `\${${source}.output[${JSON.stringify(name)}]}`]),
  );

/** Everything that is no map, object or list known after apply only. */
function unknownParts(source: string, config: Values): Values {
  const hide = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => hide(item, `${path}[${index}]`));
    if (typeof value !== "object" || value === null) return `\${${path}}`;
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        hide(member, `${path}[${JSON.stringify(name)}]`),
      ]),
    );
  };
  return hide(config, `${source}.output`) as Values;
}
