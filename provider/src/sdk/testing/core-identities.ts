/** What core, and the framework that most providers are made with, demand of identities. */

import type { ResourceIdentityData } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { valuesEqual } from "../value/equal.ts";
import type { Value } from "../value/value.ts";
import { isWhollyKnown, member } from "../value/value.ts";
import { CoreViolation } from "./core-error.ts";
import type { CoreIdentity } from "./core-schema.ts";
import { coreValue, decoded, encoded } from "./core-value.ts";

type Message = { identityData: { msgpack: Uint8Array } };

/** The identities of one resource type. */
export class CoreIdentities {
  readonly #typeName: string;
  readonly #shape: CoreIdentity | undefined;

  constructor(typeName: string, shape: CoreIdentity | undefined) {
    this.#typeName = typeName;
    this.#shape = shape;
  }

  /** As a request says it: undefined where there is none. */
  encode(value: Value | undefined): Message | undefined {
    if (this.#shape === undefined || value === undefined || value === null) return undefined;
    return { identityData: encoded(this.#shape.type, value) };
  }

  /** What an `import` block says. Throws where it does not say enough. */
  given(identity: object): Value {
    if (this.#shape === undefined) throw new Error(`${this.#typeName} has no identity`);
    const value = coreValue(this.#shape.type, identity);
    const missing = this.#shape.required.find((name) => member(value, name) === null);
    if (missing !== undefined) throw new Error(`The identity needs ${missing}`);
    return value;
  }

  /** The identity in a response; null where there is none. What was kept must not have changed. */
  decode(message: ResourceIdentityData | undefined, kept: Value | undefined, what: string): Value {
    if (message === undefined) return null;
    const type = this.#shape?.type;
    if (type?.kind !== "object") return this.#refuse(`${what} of a type without identities`);
    const value = decoded(type, message.identityData, what, true);
    for (const [name, inner] of type.attributes) {
      const before = member(kept, name);
      if (before !== null && !valuesEqual(inner, before, member(value, name)))
        this.#refuse(`${what} has changed: ${name}`);
    }
    return value;
  }

  /** The identity of an object that exists; undefined where the type has none. */
  demand(
    message: ResourceIdentityData | undefined,
    kept: Value | undefined,
    what: string,
  ): Value | undefined {
    const value = this.decode(message, kept, what);
    if (this.#shape === undefined) return undefined;
    if (value === null) return this.#refuse(`${what} is missing`);
    const open = this.#shape.required.find((name) => member(value, name) === null);
    if (open !== undefined) this.#refuse(`${what} lacks ${open}`);
    if (!isWhollyKnown(value)) this.#refuse(`${what} is not known`);
    return value;
  }

  #refuse(problem: string): never {
    throw new CoreViolation(`${this.#typeName}: ${problem}`);
  }
}
