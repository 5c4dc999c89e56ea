/**
 * Pages are templates with places for what is generated: `{{ schema }}`. Templates are written by hand, in
 * `docs/templates`; no generated page is.
 */

/** What stands in the places, by name. A function takes the words that follow the name. */
export type Parts = Readonly<Record<string, string | ((argument: string) => string)>>;

const place = /\{\{ ([a-z]+)(?: ([^\s}]+))? \}\}/gu;

/**
 * Fills a template.
 *
 * @throws Error where a place has no part, or a part that is text has no place: it would be missing from the page
 */
export function fill(template: string, parts: Parts): string {
  const used = new Set<string>();
  const text = template.replace(place, (_, name: string, argument: string | undefined) => {
    const part = parts[name];
    if (part === undefined) throw new Error(`There is nothing to fill in at {{ ${name} }}.`);
    used.add(name);
    if (typeof part === "string") return part;
    return part(argument ?? "");
  });
  const left = Object.keys(parts).filter(
    (name) => typeof parts[name] === "string" && !used.has(name),
  );
  if (left.length > 0) throw new Error(`The template has no place for ${left.join(", ")}.`);
  return `${text.replace(/\n{3,}/gu, "\n\n").trim()}\n`;
}

/** What a registry and its search show of a page. */
export interface FrontMatter {
  readonly title: string;
  readonly subcategory?: string;
  /** One paragraph. */
  readonly description: string;
}

/** The lines at the head of a page that are for the registry. */
export function frontMatter({ title, subcategory = "", description }: FrontMatter): string {
  return `---\npage_title: "${title}"\nsubcategory: "${subcategory}"\ndescription: |-\n  ${description}\n---`;
}
