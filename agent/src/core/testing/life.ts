/**
 * One life of an agent. When it has ended, nothing that it had begun goes on: its calls never come back, and it hears no
 * event. What a call had done on the host by then stays.
 */
export class Life {
  readonly #death = Promise.withResolvers<void>();
  #ended = false;

  get ended(): boolean {
    return this.#ended;
  }

  /** Resolves when this life has ended. */
  get death(): Promise<void> {
    return this.#death.promise;
  }

  /** The agent dies, here and now. */
  end(): void {
    this.#ended = true;
    this.#death.resolve();
  }

  /** The port, as this life sees it. */
  lend<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member = Reflect.get(target, name, target) as unknown;
        if (typeof member !== "function") return member;
        return (...args: unknown[]) => this.#call(member.bind(target), args);
      },
    });
  }

  #call(method: (...args: unknown[]) => unknown, args: readonly unknown[]): unknown {
    if (this.#ended) return new Promise(() => {});
    const lent = args.map((arg) => (typeof arg === "function" ? this.#listener(arg) : arg));
    const result = method(...lent);
    return result instanceof Promise ? this.#answer(result) : result;
  }

  #listener(listener: Function): unknown {
    return (...args: unknown[]) => {
      if (!this.#ended) (listener as (...args: unknown[]) => void)(...args);
    };
  }

  async #answer(result: Promise<unknown>): Promise<unknown> {
    const settled = await result.then(
      (value) => () => value,
      (error: unknown) => () => {
        throw error;
      },
    );
    if (this.#ended) await new Promise(() => {});
    return settled();
  }
}
