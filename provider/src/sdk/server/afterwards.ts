/** Milliseconds in which an answer that was returned has certainly been written to Terraform's socket. */
const DELIVERY = 100;

type Task = () => Promise<unknown>;

/** What is done once Terraform has an answer, and never if it has died before: see `CreateContext.afterwards`. */
export class Afterwards {
  readonly #waiting = new Map<NodeJS.Timeout, Task>();
  readonly #running = new Set<Promise<unknown>>();

  /** Call it when the answer is returned. */
  add(task: Task): void {
    const timer = setTimeout(() => this.#start(timer), DELIVERY);
    this.#waiting.set(timer, task);
  }

  /** Does at once what still waits; resolves when all of it has ended, well or not. */
  async settle(): Promise<void> {
    for (const timer of this.#waiting.keys()) this.#start(timer);
    await Promise.all(this.#running);
  }

  /** Terraform has gone without a word: what it has not written down is not kept. */
  drop(): void {
    for (const timer of this.#waiting.keys()) clearTimeout(timer);
    this.#waiting.clear();
  }

  #start(timer: NodeJS.Timeout): void {
    const task = this.#waiting.get(timer);
    clearTimeout(timer);
    this.#waiting.delete(timer);
    // Who asks for it says in its own log what went wrong.
    const running: Promise<unknown> = Promise.resolve(task?.())
      .catch(() => undefined)
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}
