/** AutoMTLS: both sides make a certificate for this one connection, and accept no other. */
import { X509Certificate } from "node:crypto";
import type { ServerTls } from "@lodge/schemas/rpc/tls.ts";
import { createCertificate, type Certificate } from "./certificate.ts";
import type { Environment } from "./handshake.ts";

/** How the connection is secured, or that it is not. */
export type PluginSecurity =
  | { readonly tls: undefined; readonly certificate: undefined }
  | { readonly tls: ServerTls; readonly certificate: Certificate };

/**
 * TLS if, and only if, the client has given its certificate. Throws for one that does not parse: to go on in plaintext
 * would be to serve somebody who asked for more.
 */
export function pluginSecurity(env: Environment): PluginSecurity {
  const client = env.PLUGIN_CLIENT_CERT;
  if (!client) return { tls: undefined, certificate: undefined };
  const agreed = checked(client);
  const certificate = createCertificate();
  return {
    certificate,
    // go-plugin offers 1.2 and later.
    tls: {
      client: agreed,
      certificate: certificate.pem,
      key: certificate.key,
      minVersion: "TLSv1.2",
    },
  };
}

function checked(pem: string): string {
  try {
    return new X509Certificate(pem).toString();
  } catch (cause) {
    throw new Error("PLUGIN_CLIENT_CERT is no PEM certificate", { cause });
  }
}
