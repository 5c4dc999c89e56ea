import type { FunctionParameter, ProviderFunction } from "../function.ts";
import { ArgumentError } from "../function.ts";
import { deriveType } from "../schema/derive.ts";
import { fromNative, toNative } from "../schema/native.ts";
import { validateValue } from "../schema/validate.ts";
import { ValueError } from "../value/error.ts";
import { formatPath } from "../value/path.ts";
import { unknown } from "../value/unknown.ts";
import type { Value } from "../value/value.ts";
import { isWhollyKnown } from "../value/value.ts";
import { readValue, writeValue } from "./dynamic-value.ts";
import type { Session } from "./session.ts";
import type { Handler, Request } from "./types.ts";

/** Calls a provider function. What it throws is shown in the expression that called it. */
export const callFunction: Handler<"callFunction"> = async (session, request) => {
  try {
    return { result: await call(session, request) };
  } catch (error) {
    session.onError(error, { verb: "call", type: request.name });
    const text = error instanceof Error ? error.message : String(error);
    const at = error instanceof ArgumentError ? { functionArgument: BigInt(error.argument) } : {};
    return { error: { text: text === "" ? `${request.name} failed.` : text, ...at } };
  }
};

async function call(
  session: Session,
  request: Request<"callFunction">,
): Promise<{ msgpack: Uint8Array }> {
  const definition = await session.function(request.name);
  const returns = deriveType(definition.returns);
  const values = request.arguments.map((encoded, index) => {
    const parameter = parameterAt(definition, index);
    return argument(
      parameter,
      readValue(deriveType(parameter.schema).type, encoded, `argument ${parameter.name}`),
      index,
    );
  });
  // Terraform answers such calls itself; a client that does not gets the same answer.
  if (!values.every(isWhollyKnown)) return writeValue(returns.type, unknown);
  const count = definition.parameters.length;
  if (values.length < count) throw new Error(`${request.name} needs ${count} arguments.`);
  const native = values.map((value, index) =>
    toNative(deriveType(parameterAt(definition, index).schema), value),
  );
  const result = await definition.call(native.slice(0, count), native.slice(count));
  return writeValue(returns.type, fromNative(returns, result));
}

function parameterAt(definition: ProviderFunction, index: number): FunctionParameter {
  const parameter = definition.parameters[index] ?? definition.variadic;
  if (parameter === undefined)
    throw new ArgumentError(index, `${definition.name} takes no more arguments.`);
  return parameter;
}

function argument(
  { name, schema, allowNull }: FunctionParameter,
  value: Value,
  index: number,
): Value {
  if (value === null && allowNull !== true)
    throw new ArgumentError(index, `${name} must not be null.`);
  let invalid;
  try {
    [invalid] = validateValue(deriveType(schema), value);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    invalid = { path: error.path, message: error.problem };
  }
  if (invalid === undefined) return value;
  const place = `${name}${invalid.path.length === 0 ? "" : `.${formatPath(invalid.path)}`}`;
  const { message } = invalid;
  const sentence = message.startsWith("must ") ? `${place} ${message}` : `${place}: ${message}`;
  throw new ArgumentError(index, `${sentence}.`);
}
