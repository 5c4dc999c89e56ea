/** When, around the effect of a call, something goes wrong. */
export type Moment = "before" | "during" | "after";

/**
 * Faults for the fakes of ports. A fault is an error that a call throws before its effect, after it (so that the
 * effect stays though the caller sees a failure), or in its middle, where the effect can be cut in half.
 * To end an agent at every step of its work, set `hook` and let it throw at the n-th moment that it sees.
 */
export class Faults<Method extends string> {
  /** Called at every moment of every call; what it throws is thrown by the call at that moment. */
  hook: ((method: Method, moment: Moment) => void | Promise<void>) | undefined;
  /** The calls that were begun, in their order. */
  readonly calls: Method[] = [];
  readonly #next: { method: Method; error: Error; moment: Moment }[] = [];

  /** The next call of the method that has such a moment throws; several such faults wait in a queue. */
  failNext(method: Method, error: Error, moment: Moment = "before"): void {
    this.#next.push({ method, error, moment });
  }

  /** Runs an effect between its moments; `half` is what a call that dies in its middle leaves. */
  async around<T>(method: Method, effect: () => T | Promise<T>, half?: () => void): Promise<T> {
    this.calls.push(method);
    await this.#at(method, "before");
    if (half) {
      try {
        await this.#at(method, "during");
      } catch (error) {
        half();
        throw error;
      }
    }
    const result = await effect();
    await this.#at(method, "after");
    return result;
  }

  async #at(method: Method, moment: Moment): Promise<void> {
    const index = this.#next.findIndex(
      (fault) => fault.method === method && fault.moment === moment,
    );
    if (index !== -1) throw this.#next.splice(index, 1)[0]!.error;
    await this.hook?.(method, moment);
  }
}
