import type { Duplex } from "node:stream";
import type {
  ConsoleRequest,
  ForwardRequest,
  RestartVmRequest,
} from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { untilAborted } from "@lodge/schemas/rpc/abort.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallContext, ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import type { Core } from "../core/agent.ts";
import { awaitGuest, consoleFailure } from "../core/vm/console.ts";
import { findForwardTarget } from "../core/vm/forward.ts";
import type { Log } from "../lib/log.ts";
import { audit } from "./audit.ts";
import { firstPart } from "./first-part.ts";
import { objectMessage, objectService } from "./object.ts";

/** Output is cut into pieces of this size, well below the limit of a message. */
const pieceBytes = 64 * 1024;

/** The service of VMs: that of every kind, Restart, Console and Forward. */
export function vmService(core: Core, log: Log): ServiceBinding {
  return objectService(core, log, "vm", {
    restart: async (request: RestartVmRequest, context: CallContext) => {
      // Repeated after a lost answer, it would end the boot that came of it as well.
      if (request.bootId === "") {
        throw lodgeError("REQUEST_INVALID", "A restart names no boot that is to end.");
      }
      const record = await core.restart(request);
      audit(log, context, "vm", record.id);
      return objectMessage(core.host.name, await core.services.vm.present(record));
    },
    console: (requests: AsyncIterable<ConsoleRequest>, context: CallContext) =>
      consoleOf(core, log, requests, context),
    forward: (requests: AsyncIterable<ForwardRequest>, context: CallContext) =>
      forward(core, log, requests, context),
  });
}

async function* consoleOf(
  { services, consoles }: Core,
  log: Log,
  requests: AsyncIterable<ConsoleRequest>,
  context: CallContext,
): AsyncGenerator<object> {
  const { first, rest } = await firstPart(requests, ({ part }) =>
    part.case === "open" ? part.value : undefined,
  );
  const record = await services.vm.get({ id: first.vmId }, false);
  const { id } = record;
  audit(log, context, "vm", id);
  if (!first.historyOnly) await awaitGuest(services.vm, record, context.signal);
  const typing = new Pump(async () => {
    for await (const { part } of rest) {
      if (part.case === "input") await consoles.write(id, part.value);
    }
  });
  const signal = AbortSignal.any([context.signal, typing.failed]);
  const output = consoles.read(id, { historyOnly: first.historyOnly }, signal);
  try {
    for await (const chunk of output) for (const piece of pieces(chunk)) yield { output: piece };
    typing.throwFailure();
  } catch (error) {
    throw consoleFailure(record, first.historyOnly, typing.failure(error));
  }
}

async function* forward(
  core: Core,
  log: Log,
  requests: AsyncIterable<ForwardRequest>,
  context: CallContext,
): AsyncGenerator<object> {
  const { first, rest } = await firstPart(requests, ({ part }) =>
    part.case === "open" ? part.value : undefined,
  );
  const { networkId, ipv4Address } = await findForwardTarget(core, first.vmId, first.nic);
  const { networks } = core;
  if (first.port < 1 || first.port > 65_535) {
    throw lodgeError("REQUEST_INVALID", `${first.port} is no port of TCP.`);
  }
  audit(log, context, "vm", first.vmId);
  const connection = await networks.connect(networkId, ipv4Address, first.port, context.signal);
  using cleanup = new DisposableStack();
  cleanup.defer(() => connection.destroy());
  const cancel = () => connection.destroy();
  context.signal.addEventListener("abort", cancel);
  cleanup.defer(() => context.signal.removeEventListener("abort", cancel));
  yield { part: { case: "opened", value: { ipv4Address } } };
  const sending = new Pump(async () => {
    for await (const { part } of rest) {
      if (part.case === "data") await write(connection, part.value);
    }
    await end(connection);
  });
  sending.failed.addEventListener("abort", cancel);
  try {
    // The guest's end is that of its half alone: by itself the loop would close the other one with it.
    for await (const chunk of connection.iterator({ destroyOnReturn: false })) {
      for (const piece of pieces(chunk as Uint8Array))
        yield { part: { case: "data", value: piece } };
    }
    yield { part: { case: "data", value: new Uint8Array() } };
    // A guest that has closed both halves takes nothing more, which is no fault of the connection.
    await untilAborted(sending.ended, context.signal);
  } catch (cause) {
    context.signal.throwIfAborted();
    sending.throwFailure();
    throw lodgeError("CONNECTION_LOST", `The connection to ${ipv4Address}:${first.port} broke.`, {
      cause,
    });
  }
}

/** Something that goes on beside the answers; where it fails, the signal is aborted. */
class Pump {
  readonly #controller = new AbortController();
  #failure: { readonly error: unknown } | undefined;
  /** Resolves when it is over, however that is. */
  readonly ended: Promise<void>;

  constructor(body: () => Promise<void>) {
    this.ended = body().catch((error: unknown) => {
      this.#failure = { error };
      this.#controller.abort(error);
    });
  }

  get failed(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why it failed; otherwise what is given. */
  failure(otherwise: unknown): unknown {
    return this.#failure ? this.#failure.error : otherwise;
  }

  throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }
}

function write(connection: Duplex, data: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  connection.write(data, (error) => (error ? reject(error) : resolve()));
  return promise;
}

function end(connection: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  connection.end(resolve);
  return promise;
}

function* pieces(chunk: Uint8Array): Generator<Uint8Array> {
  for (let from = 0; from < chunk.length; from += pieceBytes) {
    yield chunk.subarray(from, from + pieceBytes);
  }
}
