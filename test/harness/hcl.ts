/** Configurations as pages show them: piece by piece, with pieces that replace earlier ones. */

/** A block at the top of a configuration. */
export interface HclBlock {
  /** The words before its brace: `resource "lodge_vm" "web"`. */
  readonly header: string;
  readonly text: string;
}

const labelled = /^(?:resource|data|variable|output|module|check|provider|action|list)\b/u;

/** The blocks of a configuration that is formatted as `terraform fmt` does it. */
export function blocksOf(text: string): HclBlock[] {
  const found = text.matchAll(/^(\w+(?: "[^"]+")*) \{(?:[^\n]*\}$|[\s\S]*?^\}$)/gmu);
  return [...found].map(([block, header]) => ({ header: header!, text: block }));
}

/** Whether two blocks cannot stand in one configuration: the later one is the earlier one, edited. */
function replaces(one: HclBlock, other: HclBlock): boolean {
  if (labelled.test(one.header)) return one.header === other.header;
  return one.text === other.text;
}

/**
 * The configurations that somebody has who follows a page: each piece of code is added to what was there, and a block
 * that is there already is edited. A new version begins where one is.
 */
export function versionsOf(pieces: readonly string[]): HclBlock[][] {
  const versions: HclBlock[][] = [[]];
  for (const piece of pieces) {
    const blocks = blocksOf(piece);
    const now = versions.at(-1)!;
    const edited = now.filter((old) => blocks.some((block) => replaces(block, old)));
    const next = [...now.filter((old) => !edited.includes(old)), ...blocks];
    versions.splice(edited.length > 0 ? versions.length : -1, 1, next);
  }
  return versions;
}

/** The text of a configuration. */
export function textOf(blocks: readonly HclBlock[]): string {
  return `${blocks.map(({ text }) => text).join("\n\n")}\n`;
}
