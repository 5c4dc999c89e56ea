/** "a VM", "an image". */
export function article(title: string): string {
  return `${/^[aeiou]/u.test(title) ? "an" : "a"} ${title}`;
}
