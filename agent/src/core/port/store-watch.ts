import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { StoreState } from "./store-state.ts";
import type { Change } from "./store.ts";

/**
 * Tells watches of commits. A watch holds no queue but a position in the history: whoever reads slowly sees the newest
 * state of what has changed since, holds up nobody, and costs no memory.
 */
export class WatchHub {
  readonly #waiting = new Set<() => void>();

  /** Wakes every watch. */
  notify(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  async *watch(
    state: StoreState,
    kind: KindName,
    since: number,
    signal: AbortSignal,
  ): AsyncGenerator<Change, void, undefined> {
    let wake = () => {};
    const abort = () => wake();
    signal.addEventListener("abort", abort);
    try {
      let position = since;
      for (let synced = false; !signal.aborted; synced = true) {
        const changes = state.changesSince(kind, position);
        position = state.sequence;
        for (const change of changes) {
          if (signal.aborted) return;
          yield change;
        }
        if (!synced) yield { type: "synced", sequence: position };
        while (position === state.sequence && !signal.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
            this.#waiting.add(resolve);
          });
          this.#waiting.delete(wake);
        }
      }
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }
}
