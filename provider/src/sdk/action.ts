import type { z } from "zod";
import type { Diagnostics } from "./diagnostic.ts";
import type { HandlerContext } from "./resource.ts";
import type { Rule } from "./rule.ts";
import type { ConfigValues, PlannedValues } from "./values.ts";

/** What an action's `plan` gets. */
export interface PlanActionContext<
  Schema extends z.ZodObject,
  Client,
> extends HandlerContext<Client> {
  /** What the user wrote; parts may be known only when the action runs. */
  readonly config: PlannedValues<Schema>;
}

/** What `invoke` gets. */
export interface InvokeContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** What the user wrote, wholly known. */
  readonly config: ConfigValues<Schema>;
  /** Shows the user a line while the action is under way. */
  readonly progress: (line: string) => void;
}

/**
 * Something that is done to what exists and leaves no state, before or after a resource changes or by `-invoke`
 * (Terraform 1.14 and later). Make one with {@link action}.
 */
export interface Action<Client, Schema extends z.ZodObject = z.ZodObject> {
  /** The full type name, such as `lodge_vm_reboot`. */
  readonly type: string;
  /** Required and optional attributes, no computed ones. */
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly deprecated?: string;
  /** Warns and refuses before anything is changed. */
  plan?(context: PlanActionContext<Schema, Client>): Promise<void>;
  /** Does it. A thrown error is shown to the user. */
  invoke(context: InvokeContext<Schema, Client>): Promise<void>;
  /** Rules across attributes. */
  readonly rules?: readonly Rule<z.output<Schema>>[];
  /** Whatever rules cannot say. Runs without a client, with unknowns, more than once. */
  validate?(context: {
    readonly config: PlannedValues<Schema>;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
}

/** Defines an action; the first call fixes the type of the client. */
export function action<Client>(): <Schema extends z.ZodObject>(
  definition: Action<Client, Schema>,
) => Action<Client, Schema> {
  return (definition) => definition;
}
