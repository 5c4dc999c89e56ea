import type { ApplyResult } from "../resource.ts";
import type { ObjectNode } from "../schema/attribute.ts";
import { resultProblems } from "../schema/check.ts";
import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import type { Members, Value } from "../value/value.ts";
import { isMembers } from "../value/value.ts";
import type { Answering, Call } from "./answer.ts";
import { answer, fail } from "./answer.ts";
import { reportBugs } from "./bug.ts";
import { readObject, readValue, writeValue } from "./dynamic-value.ts";
import { identityOf, identityProblems, readIdentity, writeIdentity } from "./identity.ts";
import { overlay, withoutUnknowns } from "./outcome.ts";
import { readPrivate, writePrivate } from "./private.ts";
import type { Session } from "./session.ts";
import type { Handler, Request, Response } from "./types.ts";

type Apply = Request<"applyResourceChange">;

/**
 * Makes a change true: a create without a prior state, a delete without a planned one, else an
 * update. A create that fails leaves no state, unless it says what it has made; whatever else
 * fails leaves the prior state.
 */
export const applyResourceChange: Handler<"applyResourceChange"> = async (
  session,
  request,
  signal,
) => {
  const isCreate = isNothing(request.priorState);
  const verb = isCreate ? "create" : isNothing(request.plannedState) ? "delete" : "update";
  const call: Call = { session, verb, type: request.typeName };
  const tasks: (() => Promise<unknown>)[] = [];
  const otherwise = {
    ...(isCreate ? {} : { newState: request.priorState, newIdentity: request.plannedIdentity }),
    private: request.plannedPrivate,
  };
  const response = await answer(
    call,
    (answering) => apply(session, call, request, signal, answering, (task) => tasks.push(task)),
    otherwise,
  );
  for (const task of tasks) session.afterwards.add(task);
  return response;
};

/** Whether an encoded value is null, told before anything that could fail. */
function isNothing(value: Apply["priorState"]): boolean {
  if (value === undefined) return true;
  const { msgpack, json } = value;
  if (msgpack.length > 0) return msgpack.length === 1 && msgpack[0] === 0xc0;
  return json.length === 0 || new TextDecoder().decode(json).trim() === "null";
}

async function apply(
  session: Session,
  call: Call,
  request: Apply,
  signal: AbortSignal,
  answering: Answering,
  afterwards: (task: () => Promise<unknown>) => void,
): Promise<Response<"applyResourceChange">> {
  const resource = await session.resource(request.typeName);
  const node = deriveSchema(resource.schema);
  answering.node = node;
  const { diagnostics } = answering;
  const prior = readValue(node.type, request.priorState, "prior state");
  const planned = readValue(node.type, request.plannedState, "planned state");
  const native = (value: Value): never => toNative(node, value, { unknowns: "null" }) as never;
  const common = {
    private: readPrivate(request.plannedPrivate),
    client: session.client,
    signal,
    diagnostics,
  };

  if (planned === null) {
    await resource.delete({ ...common, state: native(prior) });
    const state = diagnostics.hasErrors ? prior : null;
    return {
      newState: writeValue(node.type, state),
      private: request.plannedPrivate,
      newIdentity: writeIdentity(resource, identityOf(resource, state)),
    };
  }
  if (!isMembers(planned)) throw new Error("Terraform sent a planned state without content.");
  const config = native(readObject(node.type, request.config, "configuration"));
  const wish = { ...common, plan: native(planned), config, afterwards };
  let result: ApplyResult<typeof resource.schema>;
  if (prior === null) {
    result = await resource.create(wish);
  } else {
    if (resource.update === undefined)
      throw new Error("Objects of this type cannot be changed in place.");
    result = await resource.update({ ...wish, prior: native(prior) });
  }
  const state = conclude(call, answering, node, planned, result);
  const identity = identityOf(resource, state);
  const kept = prior === null ? null : readIdentity(resource, request.plannedIdentity);
  reportBugs(diagnostics, call.type, "result", identityProblems(resource, kept, identity));
  return {
    newState: writeValue(node.type, state),
    private: writePrivate(result.private, request.plannedPrivate),
    newIdentity: writeIdentity(resource, identity),
  };
}

/** The state to record, with diagnostics for a failure that it says and for whatever breaks the plan. */
function conclude(
  call: Call,
  { diagnostics }: Answering,
  node: ObjectNode,
  planned: Members,
  result: ApplyResult<never>,
): Members {
  const { state, problems } = overlay(node, planned, result.state);
  const broken = [...problems];
  if (result.error !== undefined) fail(call, diagnostics, result.error);
  else broken.push(...resultProblems(node, planned, state));
  reportBugs(diagnostics, call.type, "result", broken);
  return withoutUnknowns(state);
}
