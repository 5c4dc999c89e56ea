/**
 * The way to a place inside a value: attribute names, map keys and list indexes, outermost first.
 * Whether a string is an attribute or a map key follows from the type it is walked along.
 * The elements of a set have no address: a path into a set ends at the set.
 */
export type Path = readonly (string | number)[];

/** The path as Terraform writes it, for example `disks["root"].size` or `rules[0].port`. */
export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (/^[A-Za-z_][\w-]*$/u.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Orders paths by their steps, numbers before strings, shorter before longer. */
export function comparePaths(a: Path, b: Path): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    const [x, y] = [a[index], b[index]];
    if (x === y) continue;
    if (typeof x === "number" && typeof y === "number") return x - y;
    if (typeof x === "number") return -1;
    if (typeof y === "number") return 1;
    return x! < y! ? -1 : 1;
  }
  return a.length - b.length;
}
