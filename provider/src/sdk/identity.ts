import type { z } from "zod";
import type { Upgrader } from "./resource.ts";

/**
 * What tells an object of a type from all others for as long as it exists, apart from the state: Terraform keeps it,
 * shows it in the results of a query, and imports by it. Since Terraform 1.12.
 */
export interface ResourceIdentity {
  /** The version of this schema, counted by itself. Starts at 0. */
  readonly version: number;
  /**
   * Attributes of the resource's schema, of the same names and types: strings, numbers, bools or lists of them, that
   * never change while the object exists. Those that are plain must be given in an import, `.optional()` ones may be.
   */
  readonly schema: z.ZodObject;
  /** By the version that each starts from, as those of the state. */
  readonly upgraders?: Readonly<Record<number, Upgrader>>;
}

/** What the user said of an object that is to be imported by its identity; null for what was left out. */
export type GivenIdentity = Readonly<Record<string, unknown>>;
