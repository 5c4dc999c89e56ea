/** What every resource has beside its kind's spec. */
import * as z from "zod";
import { duration } from "@lodge/schemas/spec/duration.ts";

const day = 24 * 3_600_000;

/** The object's identity: the same before and after a rename, a restart or a move. */
export const idAttribute = z.string().meta({ description: "The id, a UUID.", computed: "stable" });

/**
 * What tells an object apart for ever: its id alone. Its host is none of it, since an object that moves to another
 * host is still the same.
 */
export const idIdentity = {
  version: 0,
  schema: z.object({
    id: z.string().meta({ description: "The id, a UUID. All hosts are asked for it." }),
  }),
} as const;

/** Wish and fact of where an object lives. */
export const hostAttributes = {
  host: z.string().optional().meta({
    description:
      "The host to make it on. Default: the provider's `default_host`. Another host means a new object.",
  }),
  actual_host: z.string().meta({ description: "The host that it is on.", computed: "stable" }),
};

/** The hosts that carry a network or an image under one id: exactly one until networks span hosts. */
export const hostsAttribute = {
  hosts: z.set(z.string()).min(1).max(1).optional().meta({
    description: "The hosts that carry it: exactly one. Default: the provider's `default_host`.",
    computed: "stable",
    update: "replace",
  }),
};

/** How long an operation may take in all, by default 20 minutes, 10 to delete. */
export const timeoutsAttribute = {
  timeouts: z
    .object({
      create: limit("Default `20m`."),
      update: limit("Default `20m`."),
      delete: limit("Default `10m`."),
    })
    .optional()
    .meta({ description: "How long each operation may take." }),
};

function limit(description: string) {
  return duration({ min: 1000, max: day }).optional().meta({ description });
}

/** Timeouts where none are given, in milliseconds. */
export const defaultTimeouts = { create: 1_200_000, update: 1_200_000, delete: 600_000 } as const;

export type Operation = keyof typeof defaultTimeouts;

/** What a user allows each operation. */
export type Timeouts = { readonly [name in Operation]?: string | null };

/** The attribute `timeouts` of a plan or a state. */
export function timeouts(values: unknown): Timeouts | null {
  return (values as { readonly timeouts?: Timeouts | null }).timeouts ?? null;
}
