import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@lodge/schemas/rpc/service.ts";
import type { ForwardRequestSchema, VmService } from "@lodge/schemas/gen/lodge/agent/v1/vm_pb.ts";
import { once } from "node:events";
import type { Socket } from "node:net";

type Request = MessageInitShape<typeof ForwardRequestSchema>;

/** Where a connection is to lead. */
export interface RelayTarget {
  readonly vmId: string;
  /** The primary interface when empty. */
  readonly nic: string;
  readonly port: number;
}

/**
 * Carries one connection to a guest, until both sides have said that they are done: one side's end is passed on while
 * the other still speaks. The socket is closed whatever happens; what went wrong is thrown.
 */
export async function relay(
  client: Client<typeof VmService>,
  target: RelayTarget,
  socket: Socket,
  signal: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  socket.on("error", () => gone.abort());
  try {
    const requests = outgoing(target, socket);
    const responses = client.forward(requests, { signal: AbortSignal.any([signal, gone.signal]) });
    for await (const { part } of responses) {
      if (part.case !== "data") continue;
      // The guest has said all, and may still listen.
      if (part.value.length === 0) socket.end();
      else if (!socket.write(part.value))
        await Promise.race([once(socket, "drain"), once(socket, "close")]);
    }
    // Both are done, or the guest takes nothing more; what the caller still sends has nowhere to go.
    socket.end();
    socket.resume();
    await Promise.race([ended(socket), once(signal, "abort")]);
  } catch (error) {
    // A caller that hangs up is no fault.
    if (!gone.signal.aborted) throw error;
  } finally {
    socket.destroy();
  }
}

async function ended(socket: Socket): Promise<void> {
  if (!socket.closed) await once(socket, "close");
}

async function* outgoing(target: RelayTarget, socket: Socket): AsyncGenerator<Request> {
  yield { part: { case: "open", value: target } };
  // The iterator must not destroy the socket when the caller half-closes it.
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    yield { part: { case: "data", value: chunk } };
  }
}
