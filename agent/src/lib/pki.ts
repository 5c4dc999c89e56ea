/**
 * A small certificate authority: who may speak to an agent, and which host an agent is. The private keys are returned as
 * PEM; whoever writes them to disk does so with mode 0600.
 */
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
  type Extension,
  type JsonGeneralName,
} from "@peculiar/x509";
import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";

/** What a user may do; the organizational unit of the user's certificate. */
export type Role = "admin" | "viewer";

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** When a certificate is valid. Default: from five minutes ago, so that clocks may differ, for its kind's time. */
export interface Validity {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A host's agent. */
export interface ServerSubject extends Validity {
  /** Name of the host: common name, and the one DNS name unless more are given. */
  readonly host: string;
  /** Further DNS names, such as `localhost`. */
  readonly dnsNames?: readonly string[];
  /** IP addresses that clients may use instead of a name. */
  readonly addresses?: readonly string[];
}

/** A user. */
export interface ClientSubject extends Validity {
  readonly user: string;
  readonly role: Role;
}

const day = 24 * 60 * 60 * 1000;
const clockSkew = 5 * 60 * 1000;
const authorityDays = 3650;
const leafDays = 365;

const keyAlgorithm = { name: "ECDSA", namedCurve: "P-256" };
const signingAlgorithm = { name: "ECDSA", hash: "SHA-256" };

/** Makes an authority that signs itself; it signs leaves only, never another authority. */
export async function createAuthority(name: string, validity: Validity = {}): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: new Name([{ CN: [name] }]),
    ...period(validity, authorityDays),
    keys,
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys) };
}

/** Issues the certificate that an agent shows; clients check it against the host's name. */
export function issueServerCertificate(
  authority: KeyPair,
  subject: ServerSubject,
): Promise<KeyPair> {
  const names: JsonGeneralName[] = [
    ...[subject.host, ...(subject.dnsNames ?? [])].map((value) => ({
      type: "dns" as const,
      value,
    })),
    ...(subject.addresses ?? []).map((value) => ({ type: "ip" as const, value })),
  ];
  return issue(authority, new Name([{ CN: [subject.host] }]), subject, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
    new SubjectAlternativeNameExtension(names),
  ]);
}

/** Issues the certificate by which an agent knows a user: the common name is the user, the unit is the role. */
export function issueClientCertificate(
  authority: KeyPair,
  subject: ClientSubject,
): Promise<KeyPair> {
  const name = new Name([{ CN: [subject.user] }, { OU: [subject.role] }]);
  return issue(authority, name, subject, [
    new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth]),
  ]);
}

async function issue(
  authority: KeyPair,
  subject: Name,
  validity: Validity,
  extensions: Extension[],
): Promise<KeyPair> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: subject.toJSON(),
    issuer: new X509Certificate(authority.certificate).subjectName.toJSON(),
    ...period(validity, leafDays),
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    signingAlgorithm,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...extensions,
    ],
  });
  return { certificate: pem(certificate), key: await privateKeyPem(keys) };
}

function period(validity: Validity, days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return {
    notBefore: validity.notBefore ?? new Date(now - clockSkew),
    notAfter: validity.notAfter ?? new Date(now + days * day),
  };
}

/** Positive and without leading zeros, as DER wants it. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString("hex");
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(keyAlgorithm, true, ["sign", "verify"]);
}

async function privateKeyPem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ format: "pem", type: "pkcs8" })
    .toString();
}

function importPrivateKey(key: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", der, keyAlgorithm, false, ["sign"]);
}

function pem(certificate: X509Certificate): string {
  return `${certificate.toString("pem")}\n`;
}
