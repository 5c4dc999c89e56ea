/** When a provider process ends: asked to, alone, or never needed. */

/** What the process reacts to. */
export interface LifetimeOptions {
  /** Started by a person: it stays, whoever connects or leaves, until it is told to go. */
  readonly reattach: boolean;
  /** Ends what is open; has a second before the process goes anyway. */
  readonly close: () => Promise<void>;
  /** Connections that are open now. */
  readonly connections: () => number;
  /** Removes what would be left behind. */
  readonly cleanUp: () => void;
  /** Milliseconds without any connection after which the process ends. Default: a minute. */
  readonly lonelyMs?: number | undefined;
}

/** Terraform kills two seconds after it asked. */
const closeMs = 1000;
/**
 * Between the end of the client's stream and a request to shut down, in a good case, lie milliseconds. With the time to
 * close it makes less than the two seconds after which no orphan may be left.
 */
const orphanMs = 900;
const defaultLonelyMs = 60_000;

/** The one place that ends the process in good order. */
export class Lifetime {
  readonly #options: LifetimeOptions;
  #ending = false;

  constructor(options: LifetimeOptions) {
    this.#options = options;
    // The terminal sends Ctrl-C to us, too. Terraform answers it with the call StopProvider, and still needs us then.
    process.on("SIGINT", () => {
      if (options.reattach) this.end();
    });
    process.on("SIGTERM", () => this.end());
    process.on("SIGHUP", () => this.end());
    if (!options.reattach) this.#watchConnections();
  }

  /** Ends the process with status 0, soon. */
  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    setTimeout(() => this.#exit(), closeMs);
    this.#options.close().then(
      () => this.#exit(),
      () => this.#exit(),
    );
  }

  /** The client's stream has ended: unless we are asked to go now, the client is dead. */
  clientGone(): void {
    if (this.#options.reattach || this.#ending) return;
    setTimeout(() => this.end(), orphanMs);
  }

  #exit(): void {
    this.#options.cleanUp();
    process.exit(0);
  }

  /** Ends a process to which nobody has been connected for too long. */
  #watchConnections(): void {
    const lonelyMs = this.#options.lonelyMs ?? defaultLonelyMs;
    let last = Date.now();
    setInterval(
      () => {
        if (this.#options.connections() > 0) last = Date.now();
        else if (Date.now() - last >= lonelyMs) this.end();
      },
      Math.min(1000, lonelyMs / 4),
    ).unref();
  }
}
