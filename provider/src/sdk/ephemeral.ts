import type { z } from "zod";
import type { Diagnostics } from "./diagnostic.ts";
import type { HandlerContext } from "./resource.ts";
import type { Rule } from "./rule.ts";
import type { ConfigValues, PartialValues, PlannedValues, PrivateData } from "./values.ts";

/** What `open` gets. */
export interface OpenContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** What the user wrote, wholly known. */
  readonly config: ConfigValues<Schema>;
}

/** What `open` returns. */
export interface OpenResult<Schema extends z.ZodObject> {
  /** Attributes that are left out take the configured value, else the default, else null. */
  readonly result: PartialValues<Schema>;
  /** When Terraform shall call `renew`; absent = never. */
  readonly renewAt?: Date;
  /** For `renew` and `close`. */
  readonly private?: PrivateData;
}

/** What `renew` and `close` get. */
export interface EphemeralContext<Client> extends HandlerContext<Client> {
  readonly private: PrivateData;
}

/** What `renew` returns; `private` left out stays what it was. */
export interface RenewResult {
  readonly renewAt?: Date;
  readonly private?: PrivateData;
}

/**
 * An ephemeral resource: values that never reach plan or state. Terraform opens it in the plan and
 * again in the apply, so `open` should be cheap. Make one with {@link ephemeralResource}.
 */
export interface EphemeralResource<Client, Schema extends z.ZodObject = z.ZodObject> {
  /** The full type name. */
  readonly type: string;
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly deprecated?: string;
  open(context: OpenContext<Schema, Client>): Promise<OpenResult<Schema>>;
  renew?(context: EphemeralContext<Client>): Promise<RenewResult>;
  close?(context: EphemeralContext<Client>): Promise<void>;
  /** Rules across attributes. */
  readonly rules?: readonly Rule<z.output<Schema>>[];
  /** Whatever rules cannot say. Runs without a client, with unknowns, more than once. */
  validate?(context: {
    readonly config: PlannedValues<Schema>;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
}

/** Defines an ephemeral resource; the first call fixes the type of the client. */
export function ephemeralResource<Client>(): <Schema extends z.ZodObject>(
  definition: EphemeralResource<Client, Schema>,
) => EphemeralResource<Client, Schema> {
  return (definition) => definition;
}
