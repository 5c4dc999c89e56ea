import type { z } from "zod";
import type { Diagnostics } from "./diagnostic.ts";
import type { HandlerContext } from "./resource.ts";
import type { Rule } from "./rule.ts";
import type { ConfigValues, PartialValues, PlannedValues } from "./values.ts";

/** What a data source's `read` gets. */
export interface ReadDataContext<
  Schema extends z.ZodObject,
  Client,
> extends HandlerContext<Client> {
  /** What the user wrote, wholly known. */
  readonly config: ConfigValues<Schema>;
}

/** A data source. Make one with {@link dataSource}. Its schema is written as a resource's. */
export interface DataSource<Client, Schema extends z.ZodObject = z.ZodObject> {
  /** The full type name, such as `lodge_host`. */
  readonly type: string;
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly deprecated?: string;
  /** Attributes that are left out take the configured value, else the default, else null. */
  read(context: ReadDataContext<Schema, Client>): Promise<PartialValues<Schema>>;
  /** Rules across attributes. */
  readonly rules?: readonly Rule<z.output<Schema>>[];
  /** Whatever rules cannot say. Runs without a client, with unknowns, more than once. */
  validate?(context: {
    readonly config: PlannedValues<Schema>;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
}

/** Defines a data source; the first call fixes the type of the client. */
export function dataSource<Client>(): <Schema extends z.ZodObject>(
  definition: DataSource<Client, Schema>,
) => DataSource<Client, Schema> {
  return (definition) => definition;
}
