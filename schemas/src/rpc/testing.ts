/** A server and a client of it on a unix socket of their own, and what calls do in tests. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LodgeError } from "./error.ts";
import type { CallContext } from "./service.ts";
import { connect, type Transport, type TransportOptions } from "./client.ts";
import { createServer, type Server, type ServerOptions } from "./server.ts";

/** Made by {@link pair}; disposing of it ends both sides. */
export interface Pair extends AsyncDisposable {
  readonly server: Server;
  readonly transport: Transport;
  /** `unix:PATH` */
  readonly address: string;
}

/** Starts a plaintext server on a fresh unix socket, and connects to it. */
export async function pair(
  server: ServerOptions,
  client: Partial<TransportOptions> = {},
): Promise<Pair> {
  const directory = mkdtempSync(join(tmpdir(), "lodge-rpc-"));
  const running = createServer(server);
  const address = await running.listen(`unix:${join(directory, "s.sock")}`, "plaintext");
  const transport = connect({ address, security: "plaintext", ...client });
  return {
    server: running,
    transport,
    address,
    async [Symbol.asyncDispose]() {
      transport.close();
      await running.close(100);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The error with which a call fails; throws where it does not, or with another kind. */
export async function failure(work: Promise<unknown>): Promise<LodgeError> {
  const thrown = await work.then(
    () => new Error("the call did not fail"),
    (error: unknown) => error,
  );
  if (thrown instanceof LodgeError) return thrown;
  throw thrown;
}

/** Waits until the signal of `context` is aborted, and returns its reason. */
export async function aborted({ signal }: CallContext): Promise<unknown> {
  if (!signal.aborted) await new Promise((resolve) => signal.addEventListener("abort", resolve));
  return signal.reason;
}

/** What a handler does that heeds nothing. */
export const never = () => new Promise<never>(() => {});
