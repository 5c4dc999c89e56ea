import { answer } from "./answer.ts";
import { readPrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/** Ends an open ephemeral resource. */
export const closeEphemeralResource: Handler<"closeEphemeralResource"> = (
  session,
  request,
  signal,
) =>
  answer({ session, verb: "close", type: request.typeName }, async ({ diagnostics }) => {
    const ephemeral = await session.ephemeralResource(request.typeName);
    await ephemeral.close?.({
      private: readPrivate(request.private),
      client: session.client,
      signal,
      diagnostics,
    });
    return {};
  });
