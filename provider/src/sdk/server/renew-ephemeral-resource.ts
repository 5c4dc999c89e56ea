import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { answer } from "./answer.ts";
import { readPrivate, writePrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/** Prolongs an open ephemeral resource. */
export const renewEphemeralResource: Handler<"renewEphemeralResource"> = (
  session,
  request,
  signal,
) =>
  answer({ session, verb: "renew", type: request.typeName }, async ({ diagnostics }) => {
    const ephemeral = await session.ephemeralResource(request.typeName);
    if (ephemeral.renew === undefined) return { private: writePrivate(undefined, request.private) };
    const renewed = await ephemeral.renew({
      private: readPrivate(request.private),
      client: session.client,
      signal,
      diagnostics,
    });
    return {
      private: writePrivate(renewed.private, request.private),
      ...(renewed.renewAt === undefined ? {} : { renewAt: timestampFromDate(renewed.renewAt) }),
    };
  });
