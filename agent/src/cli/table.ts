import { printable, type Style, type Tone } from "./style.ts";

/** Text, or text with a meaning. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

/** A column's heading and, for numbers, its alignment. */
export type Column = string | { readonly title: string; readonly align: "right" };

/** An aligned table, a line each for the headings and every row, two spaces between columns and none at the end. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): string {
  const titles = columns.map((column) => (typeof column === "string" ? column : column.title));
  const heading = titles.map((title): Cell => ({ text: title, tone: "strong" }));
  const lines = [heading, ...rows].map((row) => row.map(parts));
  const widths = titles.map((_, index) =>
    Math.max(...lines.map((row) => row[index]?.text.length ?? 0)),
  );
  return lines
    .map((row) =>
      row
        .map(({ text, tone }, index) => {
          const space = " ".repeat(widths[index]! - text.length);
          const right = typeof columns[index] === "object";
          const last = index === row.length - 1;
          if (right) return space + style(tone, text);
          return style(tone, text) + (last ? "" : space);
        })
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Names with their values, a line each, the values aligned. */
export function facts(
  rows: readonly (readonly [name: string, value: Cell])[],
  style: Style,
): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .map(([name, value]) => {
      const { text, tone } = parts(value);
      return `${style("strong", name)}${" ".repeat(width - name.length)}${style(tone, text)}`;
    })
    .map((line) => line.trimEnd())
    .join("\n");
}

function parts(cell: Cell): { readonly text: string; readonly tone: Tone } {
  return typeof cell === "string"
    ? { text: printable(cell), tone: "plain" }
    : { text: printable(cell.text), tone: cell.tone };
}
