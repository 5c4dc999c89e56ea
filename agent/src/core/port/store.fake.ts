import { createMemoryStore, type MemoryStoreOptions } from "./store-memory.ts";
import type { Store } from "./store.ts";

/** A store that forgets everything with its process. It outlives the agent: give the same one to its next life. */
export function createFakeStore(options: Partial<MemoryStoreOptions> = {}): Store {
  return createMemoryStore({ now: Date.now, ...options });
}
