/** The program `nft`: tables of ours alone, each changed as a whole in one transaction. */
import { createHash } from "node:crypto";
import { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { exec } from "../lib/exec.ts";

/** A table of ours. */
export interface Table {
  readonly family: "inet" | "netdev";
  readonly name: string;
  /** Its chains, in the words in which `nft list` tells them, so that a listing can be compared. */
  readonly chains: string;
}

/** What a table was listed as after it was made: other versions of nft may word it in their own way. */
export type ListingDigest = string;

const heading = ({ family, name }: Pick<Table, "family" | "name">): string => `${family} ${name}`;

/** Makes a table that should not be there yet; one that is there is replaced. */
export async function createTable(table: Table, signal: AbortSignal): Promise<void> {
  try {
    // Deleting first, in the same transaction, would cost the kernel 20 ms of waiting for its readers.
    await apply(`create table ${heading(table)}\n${definition(table)}`, signal);
  } catch (error) {
    if (!(error instanceof LodgeError) || !/File exists/.test(error.message)) throw error;
    await replaceTable(table, signal);
  }
}

/** Makes the table what it should be where it is not. @returns what to compare with the next time. */
export async function mendTable(
  table: Table,
  known: ListingDigest | undefined,
  signal: AbortSignal,
): Promise<ListingDigest | undefined> {
  const found = await list(table, signal);
  if (found !== undefined) {
    if (normalize(found) === normalize(definition(table))) return undefined;
    if (known !== undefined && digest(table, found) === known) return known;
  }
  await (found === undefined ? createTable(table, signal) : replaceTable(table, signal));
  const made = await list(table, signal);
  if (made === undefined || normalize(made) === normalize(definition(table))) return undefined;
  return digest(table, made);
}

/** Removes the table; none there is success. */
export async function deleteTable(
  table: Pick<Table, "family" | "name">,
  signal: AbortSignal,
): Promise<void> {
  await apply(`table ${heading(table)}\ndelete table ${heading(table)}\n`, signal);
}

async function replaceTable(table: Table, signal: AbortSignal): Promise<void> {
  const name = heading(table);
  await apply(`table ${name}\ndelete table ${name}\n${definition(table)}`, signal);
}

async function list(table: Table, signal: AbortSignal): Promise<string | undefined> {
  const { exitCode, stdout } = await exec(
    "nft",
    ["--stateless", "list", "table", table.family, table.name],
    { accept: [0, 1], signal },
  );
  return exitCode === 0 ? stdout : undefined;
}

async function apply(commands: string, signal: AbortSignal): Promise<void> {
  await exec("nft", ["-f", "-"], { input: commands, signal });
}

const definition = (table: Table): string => `table ${heading(table)} {\n${table.chains}\n}\n`;

const normalize = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

/** A listing counts only for the definition that it was made from. */
function digest(table: Table, listing: string): ListingDigest {
  return createHash("sha256").update(definition(table)).update("\0").update(listing).digest("hex");
}
