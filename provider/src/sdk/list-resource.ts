import type { z } from "zod";
import type { Diagnostics } from "./diagnostic.ts";
import type { HandlerContext } from "./resource.ts";
import type { Rule } from "./rule.ts";
import type { ConfigValues, PlannedValues } from "./values.ts";

/** What `list` gets. */
export interface ListContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** What the user wrote, wholly known. */
  readonly config: ConfigValues<Schema>;
  /** How many objects are wanted at most; the SDK stops there by itself. */
  readonly limit: number;
  /** Whether the whole state of each object is wanted, not only its identity. */
  readonly wholeState: boolean;
}

/** An object that was found. */
export interface ListedObject {
  /** What the user reads in the list. */
  readonly displayName: string;
  /** As after an import. The attributes of its identity suffice where no whole state is wanted. */
  readonly state: Readonly<Record<string, unknown>>;
}

/**
 * Finds objects of a resource type that may not be in any state yet, for `terraform query` (Terraform 1.14 and later).
 * The resource of the same type needs an identity. Make one with {@link listResource}.
 */
export interface ListResource<Client, Schema extends z.ZodObject = z.ZodObject> {
  /** The resource's full type name. */
  readonly type: string;
  /** What a `list` block may say in its `config`: required and optional attributes, no computed ones. */
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly deprecated?: string;
  /** Gives the objects in a certain order. A thrown error ends the list, and is shown to the user. */
  list(context: ListContext<Schema, Client>): AsyncIterable<ListedObject>;
  /** Rules across attributes. */
  readonly rules?: readonly Rule<z.output<Schema>>[];
  /** Whatever rules cannot say. Runs without a client, with unknowns, more than once. */
  validate?(context: {
    readonly config: PlannedValues<Schema>;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
}

/** Defines a list resource; the first call fixes the type of the client. */
export function listResource<Client>(): <Schema extends z.ZodObject>(
  definition: ListResource<Client, Schema>,
) => ListResource<Client, Schema> {
  return (definition) => definition;
}
