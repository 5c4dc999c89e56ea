/** Lets one at a time in, in the order in which they came. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Runs `body` once all earlier ones have ended, however those ended. */
  run<T>(body: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(body);
    this.#tail = result.catch(() => {});
    return result;
  }
}
