import type { Identity } from "@lodge/schemas/rpc/tls.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { renewCredentials } from "./credentials.ts";

const dayMs = 24 * 60 * 60 * 1000;

export interface KeepCredentialsOptions {
  readonly directory: string;
  /** The agent's name. */
  readonly name: string;
  /** What the server proves itself with now. */
  readonly identity: Identity;
  /** Told of another one, to be used from now on. */
  readonly onRenewed: (identity: Identity) => void;
  readonly clock: Clock;
  readonly log: Log;
}

/** Looks at the certificates once a day and renews them in time, for an agent may run for years. */
export function keepCredentials(options: KeepCredentialsOptions): Disposable {
  const { directory, name, onRenewed, clock, log } = options;
  let { identity } = options;
  let cancel = () => {};
  let disposed = false;
  const look = async () => {
    try {
      const found = await renewCredentials(directory, name, new Date(clock.now()));
      if (disposed) return;
      if (found.certificate !== identity.certificate || found.ca !== identity.ca) {
        onRenewed(found);
        identity = found;
        log.info({ directory }, "the certificates were renewed");
      }
    } catch (error) {
      log.error({ directory, error }, "the certificates cannot be renewed");
    }
    if (!disposed) wait();
  };
  const wait = () => {
    cancel = clock.after(dayMs, () => void look());
  };
  wait();
  return {
    [Symbol.dispose]: () => {
      disposed = true;
      cancel();
    },
  };
}
