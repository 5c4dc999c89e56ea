import type { GivenIdentity } from "../identity.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import { answer } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { writeValue } from "./dynamic-value.ts";
import {
  identityNode,
  identityOf,
  identityProblems,
  readIdentity,
  writeIdentity,
} from "./identity.ts";
import { emptyObject, overlay, unknownProblems, withoutUnknowns } from "./outcome.ts";
import { writePrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/** Finds an existing object; Terraform reads it right afterwards. */
export const importResourceState: Handler<"importResourceState"> = (session, request, signal) =>
  answer({ session, verb: "import", type: request.typeName }, async (answering) => {
    const { typeName, id } = request;
    const resource = await session.resource(typeName);
    const node = deriveSchema(resource.schema);
    answering.node = node;
    const { diagnostics } = answering;
    if (resource.import === undefined) throw new Error(`${typeName} does not support import.`);
    const asked = readIdentity(resource, request.identity);
    if (id === "" && asked === null)
      throw new Error(`${typeName} is imported by id; none was given.`);
    const shape = identityNode(resource);
    const result = await resource.import({
      id,
      identity: asked === null ? undefined : (toNative(shape!, asked) as GivenIdentity),
      client: session.client,
      signal,
      diagnostics,
    });
    const { state, problems } = overlay(node, emptyObject(node), result.state);
    const identity = identityOf(resource, state);
    reportBugs(diagnostics, typeName, "import", [
      ...problems,
      ...unknownProblems(state),
      ...identityProblems(resource, asked, identity),
    ]);
    if (diagnostics.hasErrors) return {};
    return {
      importedResources: [
        {
          typeName,
          state: writeValue(node.type, withoutUnknowns(state)),
          private: writePrivate(result.private),
          identity: writeIdentity(resource, identity),
        },
      ],
    };
  });
