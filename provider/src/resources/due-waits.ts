import type { WaitForValue } from "./wait-for.ts";

const facts = ["ipv4", "console", "tcp_port"] as const;

/**
 * What of `wait_for` is to be waited for, null for nothing: all of it where the guest boots, and where it has not come true
 * yet. A guest that goes on running has fulfilled it before. Of what was added since then, its console may have shown the
 * text long ago, and forgotten it.
 */
export function dueWaits(
  wanted: WaitForValue,
  before: { readonly ready: boolean | null; readonly wait_for: WaitForValue | null } | undefined,
  hasBooted: boolean,
): WaitForValue | null {
  if (!before?.ready || hasBooted) return wanted;
  if (facts.every((name) => (before.wait_for?.[name] || null) === (wanted[name] || null)))
    return null;
  return { ...wanted, console: null };
}
