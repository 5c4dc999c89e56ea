import { gone } from "../resource.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import { answer } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { readObject, writeValue } from "./dynamic-value.ts";
import { identityOf, identityProblems, readIdentity, writeIdentity } from "./identity.ts";
import { overlay, unknownProblems, withoutUnknowns } from "./outcome.ts";
import { readPrivate, writePrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/** Asks what is true now. Only an explicit "gone" removes an object from the state. */
export const readResource: Handler<"readResource"> = (session, request, signal) =>
  answer(
    { session, verb: "read", type: request.typeName },
    async (answering) => {
      const resource = await session.resource(request.typeName);
      const node = deriveSchema(resource.schema);
      answering.node = node;
      const { diagnostics } = answering;
      const current = readObject(node.type, request.currentState, "state");
      const result = await resource.read({
        state: toNative(node, current) as never,
        private: readPrivate(request.private),
        client: session.client,
        signal,
        diagnostics,
      });
      if (result === gone) return { newState: writeValue(node.type, null) };
      const { state, problems } = overlay(node, current, result?.state);
      const kept = readIdentity(resource, request.currentIdentity);
      const identity = identityOf(resource, state);
      reportBugs(diagnostics, request.typeName, "state", [
        ...problems,
        ...unknownProblems(state),
        ...identityProblems(resource, kept, identity),
      ]);
      return {
        newState: writeValue(node.type, withoutUnknowns(state)),
        private: writePrivate(result.private, request.private),
        newIdentity: writeIdentity(resource, identity),
      };
    },
    {
      newState: request.currentState,
      private: request.private,
      newIdentity: request.currentIdentity,
    },
  );
