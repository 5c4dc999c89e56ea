/** What core demands of a planned state. */

import { valuesEqual } from "../value/equal.ts";
import type { Path } from "../value/path.ts";
import { formatPath } from "../value/path.ts";
import { isUnknown } from "../value/unknown.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers, isWhollyKnown, member } from "../value/value.ts";
import type { CoreAttribute, CoreNested } from "./core-schema.ts";

interface Triple {
  readonly prior: Value;
  readonly config: Value;
  readonly planned: Value;
}

/** Everything for which core would say "Provider produced invalid plan". */
export function assertPlanValid(attributes: readonly CoreAttribute[], triple: Triple): string[] {
  const { config, planned } = triple;
  if ((planned === null) !== (config === null)) {
    return [
      planned === null
        ? "planned for absence but config wants existence"
        : "planned for existence but config wants absence",
    ];
  }
  return planned === null ? [] : assertAttributes(attributes, triple, []);
}

function assertAttributes(
  attributes: readonly CoreAttribute[],
  triple: Triple,
  path: Path,
): string[] {
  return attributes.flatMap((attribute) => {
    const at = (value: Value): Value => member(value, attribute.name);
    const inner = {
      prior: at(triple.prior),
      config: at(triple.config),
      planned: at(triple.planned),
    };
    return assertAttribute(attribute, inner, [...path, attribute.name]);
  });
}

function assertAttribute(attribute: CoreAttribute, triple: Triple, path: Path): string[] {
  const { prior, config, planned } = triple;
  const { type, nested } = attribute;
  const refuse = (problem: string): string[] => [`${formatPath(path)}: ${problem}`];
  if (attribute.writeOnly) {
    return planned === null ? [] : refuse("planned value for write-only attribute is not null");
  }
  if (valuesEqual(type, planned, config)) return [];
  if (prior !== null && config !== null && valuesEqual(type, planned, prior)) return [];
  if (attribute.computed && (!attribute.optional || config === null)) return [];
  if (config === null) return refuse("planned value for a non-computed attribute");
  if (nested === undefined) return refuse("planned value matches neither config nor prior value");
  if (planned === null) return refuse("planned for absence but config wants existence");
  if (isUnknown(planned)) return refuse("planned unknown for configured value");
  return assertNested(nested, triple, path, refuse);
}

function assertNested(
  nested: CoreNested,
  { prior, config, planned }: Triple,
  path: Path,
  refuse: (problem: string) => string[],
): string[] {
  if (nested.nesting === "single") {
    return assertAttributes(nested.attributes, { prior, config, planned }, path);
  }
  if (isUnknown(config)) return refuse("planned value for an unknown configuration");
  const wanted = Object.keys(config as Members | readonly Value[]);
  const got = Object.keys(planned as Members | readonly Value[]);
  if (nested.nesting === "set") {
    const counted =
      isWhollyKnown(planned) && isWhollyKnown(config)
        ? got.length === wanted.length
        : got.length <= wanted.length;
    return counted ? [] : refuse("count in plan disagrees with count in config");
  }
  if (wanted.length !== got.length) return refuse("count in plan disagrees with count in config");
  return got.flatMap((key) => {
    if (!wanted.includes(key)) return refuse(`map key ${key} from plan is not present in config`);
    const at = (value: Value): Value => elementAt(value, key);
    const step = nested.nesting === "list" ? Number(key) : key;
    const triple = { prior: at(prior), config: at(config), planned: at(planned) };
    if (valuesEqual(nested.objectType, triple.planned, triple.config)) return [];
    if (
      triple.planned === null ||
      isUnknown(triple.planned) ||
      triple.config === null ||
      isUnknown(triple.config)
    ) {
      return refuse(`element ${key} is not as configured`);
    }
    return assertAttributes(nested.attributes, triple, [...path, step]);
  });
}

function elementAt(value: Value, key: string): Value {
  if (Array.isArray(value)) return (value as readonly Value[])[Number(key)] ?? null;
  return isMembers(value) ? member(value, key) : null;
}
