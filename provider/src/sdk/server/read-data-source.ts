import { withDefaults } from "../schema/defaults.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import type { Members } from "../value/value.ts";
import { answer } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { readObject, writeValue } from "./dynamic-value.ts";
import { overlay, unknownProblems, withoutUnknowns } from "./outcome.ts";
import type { Handler } from "./types.ts";

/** Reads a data source whose configuration is wholly known. */
export const readDataSource: Handler<"readDataSource"> = (session, request, signal) =>
  answer({ session, verb: "read", type: request.typeName }, async (answering) => {
    const dataSource = await session.dataSource(request.typeName);
    const node = deriveSchema(dataSource.schema);
    answering.node = node;
    const { diagnostics } = answering;
    const config = readObject(node.type, request.config, "configuration");
    const base = withDefaults(node, config) as Members;
    const result = await dataSource.read({
      config: toNative(node, config) as never,
      client: session.client,
      signal,
      diagnostics,
    });
    const { state, problems } = overlay(node, base, result);
    reportBugs(diagnostics, request.typeName, "state", [...problems, ...unknownProblems(state)]);
    return { state: writeValue(node.type, withoutUnknowns(state)) };
  });
