/** What core does with an `action` block. */

import { isWhollyKnown } from "../value/value.ts";
import { CoreViolation } from "./core-error.ts";
import type { CoreSchema } from "./core-schema.ts";
import { coreValue, encoded } from "./core-value.ts";
import type { ProviderCaller } from "./provider-caller.ts";

const CAPABILITIES = { deferralAllowed: false, writeOnlyAttributesAllowed: true };

/**
 * Validates and plans with `before` (what is known then; default: everything), then invokes. Core itself crashes on an
 * event that is neither progress nor the end, and takes what ends without one for a success.
 *
 * @returns the lines that the user reads
 */
export async function invokeAction(
  caller: ProviderCaller,
  type: string,
  schema: CoreSchema,
  configuration: object,
  before: object = configuration,
): Promise<string[]> {
  const value = (plain: object) => encoded(schema.type, coreValue(schema.type, plain));
  await caller.call("validateActionConfig", { typeName: type, config: value(before) });
  const clientCapabilities = CAPABILITIES;
  const planned = await caller.call("planAction", {
    actionType: type,
    config: value(before),
    clientCapabilities,
  });
  if (planned.deferred !== undefined) throw new CoreViolation("deferral was not allowed");
  if (!isWhollyKnown(coreValue(schema.type, configuration)))
    throw new Error("Action configuration unknown during apply");
  const lines: string[] = [];
  let ended = false;
  const config = value(configuration);
  const request = { actionType: type, config, clientCapabilities };
  for await (const event of caller.stream("invokeAction", request)) {
    if (ended) throw new CoreViolation(`${type}: an event after the end`);
    if (event.type.case === "progress") lines.push(event.type.value.message);
    else if (event.type.case === "completed") {
      ended = true;
      caller.check(event.type.value);
    } else throw new CoreViolation(`${type}: an event that is nothing; Terraform would crash`);
  }
  if (!ended) throw new CoreViolation(`${type}: the stream ended without saying how it went`);
  return lines;
}
