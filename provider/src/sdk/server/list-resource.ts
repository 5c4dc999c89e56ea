import type { Diagnostic } from "../diagnostic.ts";
import { Diagnostics } from "../diagnostic.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import type { Call } from "./answer.ts";
import { diagnosticMessages, fail } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { readObject, writeValue } from "./dynamic-value.ts";
import { identityOf, writeIdentity } from "./identity.ts";
import { emptyObject, overlay, unknownProblems, withoutUnknowns } from "./outcome.ts";
import type { Session } from "./session.ts";
import type { Request, StreamHandler } from "./types.ts";

type Encoded = { msgpack: Uint8Array };

interface Found {
  readonly displayName: string;
  readonly identity: { identityData: Encoded };
  readonly resourceObject?: Encoded;
}

/** Streams the objects that exist, up to the limit. What goes wrong ends the stream with an event of its own. */
export const listResource: StreamHandler<"listResource"> = async function* (
  session,
  request,
  signal,
) {
  const call: Call = { session, verb: "list", type: request.typeName };
  const said: { node: ObjectNode | undefined; readonly diagnostics: Diagnostics } = {
    node: undefined,
    diagnostics: new Diagnostics(),
  };
  let told = 0;
  const news = (): readonly Diagnostic[] => {
    const list = said.diagnostics.list.slice(told);
    told += list.length;
    return list;
  };
  try {
    for await (const event of objects(session, request, signal, said)) {
      const diagnostic = diagnosticMessages(news(), said.node);
      yield { ...event, diagnostic };
      if (said.diagnostics.hasErrors) return;
    }
  } catch (error) {
    fail(call, said.diagnostics, error);
  }
  const rest = diagnosticMessages(news(), said.node);
  if (rest.length > 0) yield { diagnostic: rest };
};

async function* objects(
  session: Session,
  request: Request<"listResource">,
  signal: AbortSignal,
  said: { node: ObjectNode | undefined; readonly diagnostics: Diagnostics },
): AsyncGenerator<Found> {
  const { typeName, includeResourceObject } = request;
  const definition = await session.listResource(typeName);
  const resource = await session.resource(typeName);
  const node = deriveSchema(resource.schema);
  const configNode = deriveSchema(definition.schema);
  said.node = configNode;
  const limit = request.limit > 0n ? Number(request.limit) : Number.POSITIVE_INFINITY;
  const config = readObject(configNode.type, request.config, "configuration");
  const { diagnostics } = said;
  const listed = definition.list({
    config: toNative(configNode, config) as never,
    limit,
    wholeState: includeResourceObject,
    client: session.client,
    signal,
    diagnostics,
  });
  let count = 0;
  for await (const { displayName, state: returned } of listed) {
    const { state, problems } = overlay(node, emptyObject(node), returned);
    const identity = identityOf(resource, state);
    if (identity === undefined)
      throw new Error("An object has no identity. This is a bug in the provider.");
    reportBugs(diagnostics, typeName, "list", [...problems, ...unknownProblems(state)]);
    yield {
      displayName,
      identity: writeIdentity(resource, identity)!,
      ...(includeResourceObject && {
        resourceObject: writeValue(node.type, withoutUnknowns(state)),
      }),
    };
    count += 1;
    if (count >= limit) return;
  }
}
