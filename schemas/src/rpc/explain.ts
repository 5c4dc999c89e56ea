/**
 * Why a server cannot be reached. gRPC says UNAVAILABLE to everything from a typing error to an expired certificate, so
 * one more connection is made, and watched, to learn which it is.
 */
import { connect as connectPlain, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type TLSSocket } from "node:tls";
import { X509Certificate } from "node:crypto";
import { parseAddress } from "./address.ts";
import { lodgeError, type LodgeError } from "./error.ts";
import { subject, validityProblem, type ClientTls, type Plaintext } from "./tls.ts";

const probeTimeoutMs = 2000;

/** The connection preface and empty settings, after which both kinds of server answer: with settings, or with an alert. */
const http2Greeting = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/** First byte of a TLS record that carries an alert. */
const tlsAlert = 21;

interface Observation {
  /** How far the probe came. */
  readonly stage: "connecting" | "handshake" | "established";
  /** Node's or OpenSSL's code, `TIMEOUT`, or undefined if the server went on speaking to us. */
  readonly code: string | undefined;
  readonly message: string;
}

/** @returns the error for a call that ended in UNAVAILABLE without an answer of the server's. */
export async function explainUnavailable(
  error: { readonly details: string },
  address: string,
  security: ClientTls | Plaintext,
): Promise<LodgeError> {
  const expired = security === "plaintext" ? undefined : validityProblem(security.certificate);
  if (expired !== undefined) {
    return lodgeError("CLIENT_CERTIFICATE_EXPIRED", `The client's certificate ${expired}.`, {
      remedy: "Issue a new client certificate.",
      cause: error,
    });
  }
  const seen = await probe(address, security);
  const options = { cause: error };
  const server = nameOf(address, security);
  if (seen.stage === "connecting") return unreachable(server, address, seen, options);
  if (security === "plaintext") {
    return seen.code === undefined
      ? connectionLost(server, options)
      : lodgeError("NOT_TLS", `${server} closed the plaintext connection.`, {
          remedy: "Use TLS: the server probably wants it.",
          ...options,
        });
  }
  return tlsProblem(server, security, seen, options);
}

/** @returns what a server is called: by the name in its certificate where that is known, and by its address. */
export function nameOf(address: string, security: ClientTls | Plaintext): string {
  const name = security === "plaintext" ? undefined : security.serverName;
  return name === undefined ? address : `${name} at ${address}`;
}

const startAgent = "Start its agent: `lodge agent --dev`, with the --name or --dir that it had.";

function unreachable(
  server: string,
  address: string,
  seen: Observation,
  options: { cause: unknown },
): LodgeError {
  const isLocal = "path" in parseAddress(address);
  const remedies: Record<string, string> = {
    ENOENT: startAgent,
    ECONNREFUSED: isLocal ? startAgent : "Check that its agent runs and listens at this address.",
    EACCES: "Check who may use the socket.",
    ENOTFOUND: "Check the host's name.",
    EAI_AGAIN: "Check the host's name and the name service.",
  };
  return lodgeError("UNREACHABLE", `${server} cannot be reached (${seen.code ?? seen.message}).`, {
    remedy: remedies[seen.code ?? ""] ?? "Check that the host is up and the network leads to it.",
    ...options,
  });
}

function connectionLost(server: string, options: { cause: unknown }): LodgeError {
  return lodgeError(
    "CONNECTION_LOST",
    `The connection to ${server} broke; whether the call was done is unknown.`,
    { remedy: "Look at what is there now, then repeat the call.", ...options },
  );
}

function tlsProblem(
  server: string,
  tls: ClientTls,
  seen: Observation,
  options: { cause: unknown },
): LodgeError {
  const code = seen.code;
  switch (code) {
    case undefined:
      return connectionLost(server, options);
    case "CERT_HAS_EXPIRED":
    case "CERT_NOT_YET_VALID":
      return lodgeError(
        "SERVER_CERTIFICATE_EXPIRED",
        `The certificate of ${server} ${code === "CERT_HAS_EXPIRED" ? "has expired" : "is not valid yet"}.`,
        { remedy: "Issue a new server certificate, or set the clocks right.", ...options },
      );
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return lodgeError(
        "SERVER_NAME_MISMATCH",
        `The certificate of ${server} is for another host than ${tls.serverName ?? "the one in the address"}.`,
        { remedy: "Use the name that is in the server's certificate.", ...options },
      );
    case "TIMEOUT":
      return lodgeError("NOT_TLS", `${server} does not answer the TLS handshake.`, {
        remedy: "Check that a server of ours listens at this address.",
        ...options,
      });
    default:
      break;
  }
  if (/^ERR_SSL_.*ALERT/u.test(code) || (seen.stage === "established" && code === "ECONNRESET")) {
    return lodgeError(
      "CLIENT_CERTIFICATE_REJECTED",
      `${server} refused the client's certificate of ${subject(new X509Certificate(tls.certificate))}.`,
      {
        remedy: "Use a certificate that the server's certificate authority has issued.",
        ...options,
      },
    );
  }
  if (/^ERR_SSL_|^ECONNRESET$|^EPIPE$|^EPROTO$/u.test(code)) {
    return lodgeError("NOT_TLS", `${server} does not speak TLS as we do (${code}).`, {
      remedy: "Check that a server of ours listens at this address, with TLS.",
      ...options,
    });
  }
  return lodgeError(
    "SERVER_CERTIFICATE_UNTRUSTED",
    `The certificate of ${server} is not from the trusted certificate authority (${code}).`,
    { remedy: "Give the CA certificate that belongs to this server.", ...options },
  );
}

/** Connects as the failed call did, and waits until the server speaks HTTP/2 or the attempt fails. */
function probe(text: string, security: ClientTls | Plaintext): Promise<Observation> {
  const address = parseAddress(text);
  const { promise, resolve } = Promise.withResolvers<Observation>();
  let stage: Observation["stage"] = "connecting";
  const socket: Socket = connectPlain("path" in address ? { path: address.path } : address);
  let secure: TLSSocket | undefined;
  const settle = (code: string | undefined, message: string) => resolve({ stage, code, message });
  const fail = (error: NodeJS.ErrnoException) => settle(error.code ?? "EPROTO", error.message);
  const timer = setTimeout(() => settle("TIMEOUT", "no answer"), probeTimeoutMs);
  socket.on("error", fail);
  socket.once("close", () => settle("ECONNRESET", "closed"));
  socket.once("connect", () => {
    stage = "handshake";
    if (security === "plaintext") {
      stage = "established";
      socket.once("data", (bytes) => {
        if (bytes[0] === tlsAlert) settle("EPROTO", "a TLS alert");
        else settle(undefined, "");
      });
      socket.write(http2Greeting);
      return;
    }
    const name = security.serverName ?? ("path" in address ? "localhost" : address.host);
    secure = connectTls({
      socket,
      servername: isIP(name) === 0 ? name : "",
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      ca: security.ca,
      cert: security.certificate,
      key: security.key,
      minVersion: security.minVersion ?? "TLSv1.3",
      ALPNProtocols: ["h2"],
    });
    secure.on("error", fail);
    secure.once("close", () => settle("ECONNRESET", "closed"));
    secure.once("secureConnect", () => (stage = "established"));
    // The first bytes of a server that accepts us are its settings.
    secure.once("data", () => settle(undefined, ""));
  });
  return promise.finally(() => {
    clearTimeout(timer);
    secure?.destroy();
    socket.destroy();
  });
}
