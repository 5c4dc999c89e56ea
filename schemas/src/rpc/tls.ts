/** Certificates of both sides: from files, checked, with errors that say what is wrong with which. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { PeerCertificate } from "./service.ts";
import { asLodgeError, lodgeError, type LodgeError } from "./error.ts";

/** Who we are and whom we trust, PEM. */
export interface Identity {
  /** Certificate authority that the other side's certificate must come from. */
  readonly ca: string;
  /** Own certificate, with intermediates after it if there are any. */
  readonly certificate: string;
  readonly key: string;
}

/** Lowest TLS version that is accepted. */
export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** How a server proves itself, and whom it lets in. */
export type ServerTls = Omit<Identity, "ca"> & {
  /** Default `TLSv1.3`. */
  readonly minVersion?: TlsVersion;
} & (
    | { /** Owners of a certificate from this authority. */ readonly ca: string }
    | {
        /** The owner of this one certificate, PEM; its dates are not looked at. */ readonly client: string;
      }
  );

/** How a client proves itself, and which server it accepts. */
export interface ClientTls extends Identity {
  /**
   * DNS name or IP address that the server's certificate must have. Default: the host of the address; needed for a unix
   * socket.
   */
  readonly serverName?: string;
  /** Default `TLSv1.3`. */
  readonly minVersion?: TlsVersion;
}

/** Plaintext is never a default: it is asked for by this word. */
export type Plaintext = "plaintext";

/** Paths of the three PEM files. */
export interface IdentityFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

/** Reads and checks an identity; throws CREDENTIALS_INVALID, naming the file. */
export async function readIdentity(files: IdentityFiles): Promise<Identity> {
  const [ca, certificate, key] = await Promise.all([
    readPem(files.ca, "CA certificate"),
    readPem(files.certificate, "certificate"),
    readPem(files.key, "key"),
  ]);
  const identity = { ca, certificate, key };
  checkIdentity(identity, files);
  return identity;
}

/** Reads a PEM file; throws CREDENTIALS_INVALID, saying what it was to be. */
export async function readPem(path: string, what: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw lodgeError("CREDENTIALS_INVALID", `The ${what} ${path} cannot be read (${code}).`, {
      remedy: code === "ENOENT" ? "Check the path." : "Check who may read the file.",
      cause,
    });
  }
}

/**
 * Checks that all three parse and that key and certificate belong together; throws CREDENTIALS_INVALID. Dates are not
 * looked at: see {@link validityProblem}.
 */
export function checkIdentity(
  identity: Identity | ServerTls,
  names: Partial<IdentityFiles> = {},
): void {
  if ("client" in identity) parseCertificate(identity.client, "client's certificate");
  else parseCertificate(identity.ca, `CA certificate ${names.ca ?? ""}`.trim());
  const certificate = parseCertificate(
    identity.certificate,
    `certificate ${names.certificate ?? ""}`.trim(),
  );
  const keyName = `key ${names.key ?? ""}`.trim();
  const remedy = "Give the unencrypted PEM file of the certificate's own key.";
  let key;
  try {
    key = createPrivateKey(identity.key);
  } catch (cause) {
    throw lodgeError("CREDENTIALS_INVALID", `The ${keyName} is no PEM private key.`, {
      remedy,
      cause,
    });
  }
  if (!certificate.checkPrivateKey(key)) {
    throw lodgeError(
      "CREDENTIALS_INVALID",
      `The ${keyName} does not belong to the certificate of ${subject(certificate)}.`,
      { remedy },
    );
  }
}

/** @returns why the first certificate of `pem` cannot be used at `now` because of its dates, or undefined. */
export function validityProblem(pem: string, now = new Date()): string | undefined {
  const certificate = new X509Certificate(pem);
  if (certificate.validToDate < now) return `expired on ${certificate.validToDate.toISOString()}`;
  if (certificate.validFromDate > now) {
    return `is not valid before ${certificate.validFromDate.toISOString()}`;
  }
  return undefined;
}

/** @returns what authorization asks of a peer's certificate. */
export function describeCertificate(raw: Uint8Array): PeerCertificate {
  const certificate = new X509Certificate(raw);
  const fields = subjectFields(certificate);
  return {
    raw,
    fingerprint: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    commonName: fields.get("CN")?.[0] ?? "",
    organizationalUnits: fields.get("OU") ?? [],
    dnsNames: dnsNames(certificate),
    notBefore: certificate.validFromDate,
    notAfter: certificate.validToDate,
  };
}

/** @returns `CN=x (issued by CN=y)`, for messages. */
export function subject(certificate: X509Certificate): string {
  const line = (text: string | undefined) => text?.replaceAll("\n", ", ") ?? "an unnamed subject";
  return `${line(certificate.subject)} (issued by ${line(certificate.issuer)})`;
}

/** @returns the certificate in `pem`; throws CREDENTIALS_INVALID. */
export function parseCertificate(pem: string, name: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw lodgeError("CREDENTIALS_INVALID", `The ${name} is no PEM certificate.`, {
      remedy: "Give a file that begins with -----BEGIN CERTIFICATE-----.",
      cause,
    });
  }
}

/** `subject` has a line for each field; a value's own line breaks are escaped by OpenSSL. */
function subjectFields(certificate: X509Certificate): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const line of certificate.subject?.split("\n") ?? []) {
    const [key = "", ...rest] = line.split("=");
    const values = fields.get(key) ?? [];
    fields.set(key, [...values, rest.join("=")]);
  }
  return fields;
}

/** Names that contain a quote or a comma are quoted by Node; none of them is a DNS name, so they are left out. */
function dnsNames(certificate: X509Certificate): string[] {
  return (certificate.subjectAltName ?? "")
    .split(", ")
    .filter((name) => /^DNS:[A-Za-z0-9_.*-]+$/u.test(name))
    .map((name) => name.slice("DNS:".length));
}

/** @returns `thrown` if it is ours, else what it means that the material was refused by OpenSSL. */
export function credentialsError(thrown: unknown): LodgeError {
  const error = asLodgeError(thrown);
  if (!error.is("INTERNAL")) return error;
  return lodgeError("CREDENTIALS_INVALID", "The certificates cannot be used.", {
    remedy: "Check that CA, certificate and key are unencrypted PEM and belong together.",
    cause: thrown,
  });
}
