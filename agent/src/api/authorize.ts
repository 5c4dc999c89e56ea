/** Who may call what: one table for every method of every service. */
import type { DescMethod } from "@bufbuild/protobuf";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { ServerInterceptor } from "@lodge/schemas/rpc/interceptor.ts";
import { runHeader } from "@lodge/schemas/run.ts";
import { authenticate, principalKey, type Principal, type Role } from "./principal.ts";
import type { Runs } from "./runs.ts";

const look: readonly Role[] = ["admin", "viewer"];
const change: readonly Role[] = ["admin"];

/** The methods that every kind's service has. */
const objectMethods = {
  Put: change,
  Validate: look,
  Get: look,
  List: look,
  Watch: look,
  Delete: change,
} as const;

/** The roles that may call each method. What is not here nobody may call. */
export const permissions: Readonly<Record<string, Readonly<Record<string, readonly Role[]>>>> = {
  "lodge.agent.v1.HostService": { Get: look },
  "lodge.agent.v1.NetworkService": objectMethods,
  "lodge.agent.v1.AddressPoolService": objectMethods,
  "lodge.agent.v1.ImageService": { ...objectMethods, Upload: change },
  "lodge.agent.v1.DiskService": objectMethods,
  // A console is typed into, and a forward reaches into the guest: both can do what its users can.
  "lodge.agent.v1.VmService": {
    ...objectMethods,
    Restart: change,
    Console: change,
    Forward: change,
  },
};

/** Throws PERMISSION_DENIED (reason NOT_ALLOWED) where the principal's role may not call the method. */
export function authorize({ name, role }: Principal, method: DescMethod): void {
  const allowed = permissions[method.parent.typeName]?.[method.name] ?? [];
  if (allowed.includes(role)) return;
  throw lodgeError("NOT_ALLOWED", `${name} is a ${role} and may not call ${method.name}.`, {
    name,
    remedy: `Use a certificate with the role ${allowed.join(" or ") || "that this agent knows"}.`,
  });
}

/** Every call begins here: its principal is found, and asked for in the table; its run is at work as long as it lasts. */
export function authorization(runs: Runs): ServerInterceptor {
  return async (context, next) => {
    const principal = authenticate(context.peer);
    authorize(principal, context.method);
    const run = context.headers.get(runHeader);
    const isAtWork = (other: string): boolean => runs.isAtWork(other);
    context.set(principalKey, { ...principal, ...(run !== undefined && { run }), isAtWork });
    using _call = run === undefined ? undefined : runs.enter(run);
    await next();
  };
}
