/** The server's end of mutual TLS. */
import { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { createServer, type TLSSocket } from "node:tls";
import { checkIdentity, credentialsError, type ServerTls } from "./tls.ts";

const handshakeTimeoutMs = 10_000;

/** Made by {@link terminateTls}. */
export interface Termination {
  /** Does the TLS handshake on a raw connection. */
  readonly accept: (socket: Socket) => void;
  /** What later connections are met with. Throws CREDENTIALS_INVALID, and then changes nothing. */
  readonly renew: (tls: ServerTls) => void;
}

/**
 * Hands `onSecure` the connections whose peer owns a certificate of the authority. Throws CREDENTIALS_INVALID for
 * unusable certificates of our own.
 */
export function terminateTls(
  tls: ServerTls,
  onSecure: (socket: Socket) => void,
  onRefused: (reason: string, address: string) => void,
): Termination {
  let current = tls;
  const server = secureServer(tls);
  server.on("secureConnection", (socket) => {
    if (isLetIn(current, socket)) return onSecure(socket);
    onRefused("the client's certificate is not the one agreed on", socket.remoteAddress ?? "unix");
    socket.destroy();
  });
  server.on("tlsClientError", (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    onRefused(refusal(error, socket), socket.remoteAddress ?? "unix");
    socket.destroy();
  });
  return {
    accept: (socket) => server.emit("connection", socket),
    renew: (renewed) => {
      checkIdentity(renewed);
      try {
        server.setSecureContext(secureContext(renewed));
        current = renewed;
      } catch (thrown) {
        throw credentialsError(thrown);
      }
    },
  };
}

function secureServer(tls: ServerTls) {
  checkIdentity(tls);
  try {
    return createServer({
      ...secureContext(tls),
      requestCert: true,
      // A certain client is known by isLetIn.
      rejectUnauthorized: "ca" in tls,
      ALPNProtocols: ["h2"],
      handshakeTimeout: handshakeTimeoutMs,
    });
  } catch (thrown) {
    throw credentialsError(thrown);
  }
}

function secureContext({ certificate, key, minVersion = "TLSv1.3", ...trust }: ServerTls) {
  // With an authority of any kind Node first reads all that it has built in: 7 ms and more. An empty list is none.
  return { ca: "ca" in trust ? trust.ca : [], cert: certificate, key, minVersion };
}

/** The handshake has proved that the peer owns the key of its certificate; left to see is whose it is. */
function isLetIn(tls: ServerTls, socket: TLSSocket): boolean {
  if (!("client" in tls)) return socket.authorized;
  const peer = socket.getPeerX509Certificate();
  return peer !== undefined && peer.raw.equals(new X509Certificate(tls.client).raw);
}

/** OpenSSL's words, translated where an operator would have to look them up. */
function refusal(error: NodeJS.ErrnoException, socket: TLSSocket): string {
  const verification = socket.authorizationError as unknown as string | undefined;
  switch (verification ?? error.code) {
    case "CERT_HAS_EXPIRED":
      return "the client's certificate has expired";
    case "CERT_NOT_YET_VALID":
      return "the client's certificate is not valid yet";
    case "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE":
      return "the client sent no certificate";
    case "ERR_SSL_HTTP_REQUEST":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "the client does not speak TLS";
    case "ERR_TLS_HANDSHAKE_TIMEOUT":
      return `the TLS handshake took longer than ${handshakeTimeoutMs / 1000} s`;
    case "ECONNRESET":
      return "the client gave up during the TLS handshake; it probably does not accept our certificate";
    default:
      return verification
        ? `the client's certificate is not from our authority (${verification})`
        : `the TLS handshake failed (${error.code ?? error.message})`;
  }
}
