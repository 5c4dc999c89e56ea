import { StoreState, type Effects, type StoredState } from "./store-state.ts";
import { WatchHub } from "./store-watch.ts";
import type { Store } from "./store.ts";

export interface MemoryStoreOptions {
  /** What to begin with; default nothing. */
  readonly stored?: StoredState;
  /** Milliseconds since 1970: claims cool down by it. */
  readonly now: () => number;
  /** Makes the effects of a commit durable; what it throws, the commit throws, and nothing has changed. */
  readonly write?: (effects: Effects) => void;
  readonly close?: () => void;
  /** How many deletions are remembered for watches that resume. */
  readonly historyLimit?: number;
}

/**
 * A store that answers from memory. There is one agent for a database, so that nothing in it changes behind its back;
 * with `write` every commit is durable before it is seen.
 */
export function createMemoryStore(options: MemoryStoreOptions): Store {
  const { now, write, close } = options;
  const state = new StoreState(options.stored, options.historyLimit);
  const hub = new WatchHub();
  return {
    get: async (kind, id) => state.get(kind, id),
    find: async (kind, name) => state.find(kind, name),
    list: async (kind) => ({ records: state.list(kind), sequence: state.sequence }),
    claims: async (prefix) => state.claims(prefix, now()),
    users: async (reference) => state.users(reference),
    commit: async (commit) => {
      const effects = state.check(commit, now());
      write?.(effects);
      state.apply(effects);
      hub.notify();
      return effects.sequence;
    },
    watch: (kind, since, signal) => hub.watch(state, kind, since, signal),
    close: async () => close?.(),
  };
}
