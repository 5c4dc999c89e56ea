import { lodgeError, LodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallOptions } from "@lodge/schemas/rpc/service.ts";

/** How long a connection may take, in milliseconds. */
const CONNECT = 5000;
/** How long an answer may take, in milliseconds: a list of thousands takes less than one. */
const ANSWER = 15_000;
/** For how long, in milliseconds, a host that did not answer is not asked again: a refresh has many objects, and so has a plan. */
export const SULK = 30_000;

/** What is needed of a connection. */
interface Connection {
  readonly address: string;
  connected(timeoutMs: number): Promise<boolean>;
}

/** How long one host is waited for by those who read: once for all of its objects, of whatever kind. */
export class Patience {
  readonly #host: string;
  readonly #connection: Connection;
  #failure: { readonly error: LodgeError; readonly until: number } | undefined;

  constructor(host: string, connection: Connection) {
    this.#host = host;
    this.#connection = connection;
  }

  /** Throws what the question throws, UNREACHABLE or DEADLINE_EXCEEDED; for a while the same again at once. */
  async ask<T>(question: (options: CallOptions) => Promise<T>, signal: AbortSignal): Promise<T> {
    const known = this.#failure;
    if (known && performance.now() < known.until) throw known.error;
    const where = `The host ${this.#host} (${this.#connection.address})`;
    const stop = new AbortController();
    void this.#connection.connected(CONNECT).then((isConnected) => {
      const text = `${where} cannot be reached: there was no connection within ${CONNECT / 1000} s.`;
      const remedy = "Check that the host is up, and that no firewall drops what is sent to it.";
      if (!isConnected) stop.abort(lodgeError("UNREACHABLE", text, { remedy }));
    });
    try {
      return await question({
        signal: AbortSignal.any([signal, stop.signal]),
        timeoutMs: ANSWER,
      });
    } catch (thrown) {
      if (!(thrown instanceof LodgeError) || signal.aborted) throw thrown;
      if (!thrown.is("UNREACHABLE") && !thrown.is("DEADLINE_EXCEEDED")) throw thrown;
      const text = `${where} has taken the call, and given no answer within ${ANSWER / 1000} s.`;
      const remedy = "Look at its agent, whether it runs and has something to do.";
      const error = thrown.is("UNREACHABLE")
        ? thrown
        : lodgeError("DEADLINE_EXCEEDED", text, { remedy, cause: thrown });
      this.#failure = { error, until: performance.now() + SULK };
      throw error;
    }
  }
}
