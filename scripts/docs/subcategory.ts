/** The group that a registry shows a page in, by what the page is about. */
const groups: readonly (readonly [RegExp, string])[] = [
  [/\/vms?(?:_|$)/u, "Virtual machines"],
  [/\/(?:disk|image)s?$/u, "Storage"],
  [/\/(?:network|address_pool)s?$/u, "Networks"],
  [/\/hosts?$/u, "Hosts"],
];

/** The subcategory of a page by its name, such as `resources/vm`; empty where it is in none. */
export function subcategoryOf(name: string): string {
  if (name.startsWith("functions/")) return "";
  return groups.find(([pattern]) => pattern.test(name))?.[1] ?? "";
}
