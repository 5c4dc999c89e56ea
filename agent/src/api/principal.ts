import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { contextKey, type Peer } from "@lodge/schemas/rpc/service.ts";

/** What a principal may do: everything, or look. */
export type Role = "admin" | "viewer";

/** Who a client's certificate says that it is. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
  /** See the core's principal. */
  readonly run?: string;
  readonly isAtWork?: (run: string) => boolean;
}

/** Under which a call's principal stands in its context. */
export const principalKey = contextKey<Principal>("principal");

const roles: readonly string[] = ["admin", "viewer"] satisfies Role[];

/**
 * The principal of a peer: the common name of its certificate is the user, its organizational unit the role. Throws
 * UNAUTHENTICATED without a certificate, PERMISSION_DENIED for one that names no user or no role.
 */
export function authenticate({ certificate, address }: Peer): Principal {
  if (!certificate) {
    throw lodgeError(
      "CLIENT_CERTIFICATE_REJECTED",
      `The client at ${address} has shown no certificate.`,
      {
        remedy: "Connect by mutual TLS, with a certificate of the agent's authority.",
      },
    );
  }
  const { commonName, organizationalUnits } = certificate;
  const role = organizationalUnits.find((unit) => roles.includes(unit));
  if (commonName === "" || role === undefined) {
    throw lodgeError(
      "NOT_ALLOWED",
      `The certificate of ${commonName === "" ? "an unnamed user" : commonName} gives no role.`,
      { remedy: "Have one issued whose organizational unit (OU) is admin or viewer." },
    );
  }
  return { name: commonName, role: role as Role };
}
