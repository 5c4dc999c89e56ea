/**
 * What every field of a spec says about itself beside its type: zod's registry carries it, and the Terraform
 * schema, the plan, the agent's restart logic and the docs are derived from it.
 */

/** When a changed value takes effect: on the running guest, at its next boot, or only in a new object. */
export type Update = "live" | "restart" | "replace";

declare module "zod" {
  interface GlobalMeta {
    /** When a changed value takes effect; a nested member without one inherits its parent's. */
    update?: Update;
    /** Set by the agent: `stable` never changes after create, `volatile` may change with any update. */
    computed?: "stable" | "volatile";
    /** Hidden in the user interface. */
    sensitive?: boolean;
    /** Never stored in state. */
    writeOnly?: boolean;
    /** Why and since when not to use it any more. */
    deprecated?: boolean;
  }
}
