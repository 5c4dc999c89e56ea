/**
 * What an author writes to define a resource. The required part is small: a zod schema, `read`,
 * `create` and `delete`; the SDK derives Terraform's schema and does the planning. Optional parts:
 * `update` (without it every change replaces), `import`, `plan`, `rules`, `validate`, `upgraders`.
 * `testing/memory.ts` is a complete example.
 *
 * ```ts
 * export const disk = resource<LodgeClient>()({
 *   type: "lodge_disk",
 *   version: 0,
 *   description: "A disk.",
 *   schema: z.object({
 *     id: z.string().meta({ description: "The id.", computed: "stable" }),
 *     name: z.string().meta({ description: "The name.", update: "replace" }),
 *     size: size().default(2n ** 30n).meta({ description: "The size." }),
 *   }),
 *   async create({ plan, client, signal }) {
 *     const record = await client.put({ name: plan.name, size: plan.size }, signal);
 *     return { state: { id: record.id } };
 *   },
 *   async read({ state, client, signal }) {
 *     const record = await client.get(state.id, signal);
 *     return record === undefined ? gone : { state: { name: record.name, size: record.size } };
 *   },
 *   async delete({ state, client, signal }) {
 *     await client.delete(state.id, signal);
 *   },
 * });
 * ```
 *
 * Any handler may throw: the user reads "Unable to create lodge_disk" and the error's message, at
 * the attribute named by the error's `path` if it has one.
 */

import type { z } from "zod";
import type { Diagnostics } from "./diagnostic.ts";
import type { GivenIdentity, ResourceIdentity } from "./identity.ts";
import type { Rule } from "./rule.ts";
import type { Path } from "./value/path.ts";
import type { ConfigValues, PartialValues, PlannedValues, PrivateData, Values } from "./values.ts";

/** What every handler gets. */
export interface HandlerContext<Client> {
  /** What the provider's `configure` returned. */
  readonly client: Client;
  /** Aborted by Ctrl-C (then return what is true so far, or throw) and when Terraform is gone. */
  readonly signal: AbortSignal;
  /** For warnings, and for errors beside a result. */
  readonly diagnostics: Diagnostics;
}

/** The answer of `read` for an object that certainly exists no more. Never return it on doubt. */
export const gone: unique symbol = Symbol("gone");

/** What `create` gets. */
export interface CreateContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** The wish with defaults; what is only known after apply is null here and yours to decide. */
  readonly plan: Values<Schema>;
  /** What the user wrote, write-only attributes included. */
  readonly config: ConfigValues<Schema>;
  readonly private: PrivateData;
  /**
   * Does something once Terraform has the answer, a tenth of a second later or when the command ends. It is not done if
   * Terraform or this process dies before: what was made may then be in no state.
   */
  readonly afterwards: (task: () => Promise<unknown>) => void;
}

/** What `update` gets. */
export interface UpdateContext<Schema extends z.ZodObject, Client> extends CreateContext<
  Schema,
  Client
> {
  /** The state before the change. */
  readonly prior: Values<Schema>;
}

/** What `read` and `delete` get. */
export interface StateContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** After an import, everything that `import` did not say is null, whatever its type. */
  readonly state: Values<Schema>;
  readonly private: PrivateData;
}

/**
 * What `create` and `update` return. In `state`, an attribute that is left out takes its planned
 * value; one that the plan left unknown must be given. Spellings need no care: a value that only
 * differs in its spelling ("4096MiB" for "4GiB") is recorded as it was planned.
 */
export interface ApplyResult<Schema extends z.ZodObject> {
  readonly state: PartialValues<Schema>;
  /** Replaces what was kept before; left out, that stays. */
  readonly private?: PrivateData;
  /**
   * The operation failed, and `state` is what is true now. After a create the object is recorded
   * as tainted: the next apply replaces it. A create that made nothing throws instead.
   */
  readonly error?: unknown;
}

/** What `read` returns for an object that exists. Attributes that are left out keep their value. */
export interface ReadResult<Schema extends z.ZodObject> {
  readonly state: PartialValues<Schema>;
  /** Replaces what was kept before; left out, that stays. */
  readonly private?: PrivateData;
}

/** What `import` gets. */
export interface ImportContext<Client> extends HandlerContext<Client> {
  /** What the user gave to `terraform import` or the `import` block; empty where that names the identity instead. */
  readonly id: string;
  /** The identity that the user gave instead of an id. */
  readonly identity: GivenIdentity | undefined;
}

/** What the `plan` hook gets. It must be pure: Terraform plans several times, the SDK too. */
export interface PlanContext<Schema extends z.ZodObject, Client> extends HandlerContext<Client> {
  /** Null at destroy. */
  readonly config: PlannedValues<Schema> | null;
  /** Null at create, and in the second plan of a replacement. */
  readonly prior: Values<Schema> | null;
  /**
   * The plan so far, yours to change in place; null at destroy. Only computed attributes that the
   * configuration leaves open may be changed, to a known value (then apply must bring exactly
   * that) or to `unknown`.
   */
  readonly planned: PlannedValues<Schema> | null;
  readonly private: PrivateData;
  /**
   * Asks for a new object because of this attribute, beside what the schema's meta demands. Ask
   * also where an unknown value may turn out to need it: the plan in the apply may not ask for more.
   */
  readonly requireReplace: (path: Path) => void;
  /** Whether the planned value at a path differs from the prior one; everything does at create. */
  readonly changed: (path: Path) => boolean;
  /** Whether this plan needs a new object, as the schema's meta says or as was asked for until now. */
  readonly replaces: () => boolean;
}

/** Brings the state of one schema version to the next one. */
export interface Upgrader {
  /** The state's schema at this version; without it `upgrade` gets the plain JSON. */
  readonly schema?: z.ZodObject;
  /**
   * State of this version in, state of the next version out. Changes shapes, asks nobody. Declare
   * the parameter with the type that your `schema` gives it.
   */
  upgrade(state: unknown): unknown;
}

/** A resource type. Make one with {@link resource}. */
export interface Resource<Client, Schema extends z.ZodObject = z.ZodObject> {
  /** The full type name, such as `lodge_vm`. */
  readonly type: string;
  /** The version of the schema; raised whenever old state does not fit any more. Starts at 0. */
  readonly version: number;
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  /** Why and what to use instead; absent for a type that is not deprecated. */
  readonly deprecated?: string;
  /** Makes the object. */
  create(context: CreateContext<Schema, Client>): Promise<ApplyResult<Schema>>;
  /** What is true now, or {@link gone}. Never waits for a change. */
  read(context: StateContext<Schema, Client>): Promise<ReadResult<Schema> | typeof gone>;
  /** Changes the object in place. Without it every change replaces the object. */
  update?(context: UpdateContext<Schema, Client>): Promise<ApplyResult<Schema>>;
  /** Told of each object in the state before it is read or anything is planned for it, refreshed or not. */
  stored?(context: { readonly client: Client; readonly state: Values<Schema> }): void;
  /** Removes the object; succeeds where it is gone already. */
  delete(context: StateContext<Schema, Client>): Promise<void>;
  /** What tells its objects apart; none where the state's `id` is all there is, and Terraform cannot import by it. */
  readonly identity?: ResourceIdentity;
  /** Finds an object by what the user typed; `read` fills in what this leaves out. */
  import?(context: ImportContext<Client>): Promise<ReadResult<Schema>>;
  /** Refines the plan, warns, refuses: also a destroy (`planned` null, `prior` not). */
  plan?(context: PlanContext<Schema, Client>): Promise<{ readonly private: PrivateData } | void>;
  /** Rules across attributes. */
  readonly rules?: readonly Rule<z.output<Schema>>[];
  /** Whatever rules cannot say. Runs without a client, with unknowns, more than once. */
  validate?(context: {
    readonly config: PlannedValues<Schema>;
    readonly diagnostics: Diagnostics;
  }): void | Promise<void>;
  /** By the version that each starts from. All from the oldest supported one on are needed. */
  readonly upgraders?: Readonly<Record<number, Upgrader>>;
}

/** Defines a resource type; the first call fixes the type of the client. */
export function resource<Client>(): <Schema extends z.ZodObject>(
  definition: Resource<Client, Schema>,
) => Resource<Client, Schema> {
  return (definition) => definition;
}
