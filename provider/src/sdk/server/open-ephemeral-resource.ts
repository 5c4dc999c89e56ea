import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { withDefaults } from "../schema/defaults.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import type { Members } from "../value/value.ts";
import { answer } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { readObject, writeValue } from "./dynamic-value.ts";
import { overlay, unknownProblems, withoutUnknowns } from "./outcome.ts";
import { writePrivate } from "./private.ts";
import type { Handler } from "./types.ts";

/** Opens an ephemeral resource whose configuration is wholly known. */
export const openEphemeralResource: Handler<"openEphemeralResource"> = (session, request, signal) =>
  answer({ session, verb: "open", type: request.typeName }, async (answering) => {
    const ephemeral = await session.ephemeralResource(request.typeName);
    const node = deriveSchema(ephemeral.schema);
    answering.node = node;
    const { diagnostics } = answering;
    const config = readObject(node.type, request.config, "configuration");
    const base = withDefaults(node, config) as Members;
    const opened = await ephemeral.open({
      config: toNative(node, config) as never,
      client: session.client,
      signal,
      diagnostics,
    });
    const { state, problems } = overlay(node, base, opened.result);
    reportBugs(diagnostics, request.typeName, "result", [...problems, ...unknownProblems(state)]);
    return {
      result: writeValue(node.type, withoutUnknowns(state)),
      private: writePrivate(opened.private),
      ...(opened.renewAt === undefined ? {} : { renewAt: timestampFromDate(opened.renewAt) }),
    };
  });
