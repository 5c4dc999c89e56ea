import type { CallContext } from "@lodge/schemas/rpc/service.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import type { Log } from "../lib/log.ts";
import { principalKey } from "./principal.ts";

/** Notes who changed an object, or reached into a guest; never what the object is to be, which may hold secrets. */
export function audit(log: Log, context: CallContext, kind: KindName, id: string): void {
  const { name: principal } = context.get(principalKey);
  log.info({ principal, method: context.method.name, kind, id }, "a client acts on an object");
}
