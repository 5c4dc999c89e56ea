import type { ProviderSchema } from "../schema.ts";

/** Something that a schema must keep, so that CDKTF makes good bindings of it. */
export interface Rule {
  readonly number: number;
  readonly title: string;
  /** @returns the places that break it, such as `lodge_vm.disks.size`. */
  readonly check: (schema: ProviderSchema) => readonly string[];
}
