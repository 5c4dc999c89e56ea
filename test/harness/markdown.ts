/** What a page of Markdown leads to, and the code in it. */

/** Fenced code with its language. */
export interface CodeBlock {
  readonly language: string;
  readonly text: string;
  /** The file that it is, where its first line is a comment that says so; else it belongs to what the page builds up. */
  readonly file: string | undefined;
}

/** All fenced code, in its order. */
export function codeBlocksOf(markdown: string): CodeBlock[] {
  const found = markdown.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gmu);
  return [...found].map(([, language, text]) => ({
    language: language!,
    text: text!,
    file: /^# (\S+\.tf)\n/u.exec(text!)?.[1],
  }));
}

/** Links to other files and to anchors; those that lead to the web are left out. */
export function linksOf(markdown: string): string[] {
  const found = prose(markdown).matchAll(/\]\((?!https?:)([^)\s]+)\)/gu);
  return [...found].map(([, link]) => link!);
}

/** What a link may name behind `#`: headings, as GitHub and registries call them, and anchors set by hand. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const text = prose(markdown);
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gmu)].map(([, title]) => slug(title!));
  const set = [...text.matchAll(/<a id="([^"]+)">/gu)].map(([, id]) => id!);
  return new Set([...headings, ...set]);
}

function prose(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```$/gmu, "");
}

function slug(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
