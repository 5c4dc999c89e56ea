/**
 * The certificate of one provider process: P-256, signed by itself, never written anywhere. Node can read certificates but
 * not make them, and a library that can costs more start-up time than all the rest.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

/** A certificate in both encodings, with its key. */
export interface Certificate {
  readonly der: Buffer;
  readonly pem: string;
  /** PKCS #8, PEM. */
  readonly key: string;
}

const hour = 60 * 60 * 1000;
/** Clocks of the two processes are the same, those of a container and its host nearly so. */
const validBefore = hour;
const validAfter = 365 * 24 * hour;

const oid = {
  ecdsaWithSha256: "2a8648ce3d040302",
  commonName: "550403",
  basicConstraints: "551d13",
  keyUsage: "551d0f",
  extendedKeyUsage: "551d25",
  subjectAltName: "551d11",
  serverAuth: "2b06010505070301",
  clientAuth: "2b06010505070302",
};

/** Curves of NIST, by OpenSSL's names: a provider uses the first, Terraform the second. */
export type Curve = "prime256v1" | "secp521r1";

/** Makes a key and a certificate for `localhost`, the name that go-plugin asks for. */
export function createCertificate(
  curve: Curve = "prime256v1",
  now: number = Date.now(),
): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: curve });
  const algorithm = sequence(objectId(oid.ecdsaWithSha256));
  const name = sequence(element(0x31, sequence(objectId(oid.commonName), utf8("localhost"))));
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(serialNumber()),
    algorithm,
    name,
    sequence(time(now - validBefore), time(now + validAfter)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, sequence(...extensions())),
  );
  const signature = sign("sha256", body, privateKey);
  const der = sequence(body, algorithm, bitString(signature, 0));
  return {
    der,
    pem: toPem(der),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extensions(): Buffer[] {
  const critical = element(0x01, Buffer.of(0xff));
  const extension = (id: string, value: Buffer, ...flags: Buffer[]) =>
    sequence(objectId(id), ...flags, element(0x04, value));
  // Bits 0, 2, 4 and 5: digital signature, key encipherment, key agreement, certificate signing.
  const usage = bitString(Buffer.of(0b1010_1100), 2);
  return [
    extension(oid.basicConstraints, sequence(critical), critical),
    extension(oid.keyUsage, usage, critical),
    extension(oid.extendedKeyUsage, sequence(objectId(oid.serverAuth), objectId(oid.clientAuth))),
    extension(oid.subjectAltName, sequence(element(0x82, Buffer.from("localhost")))),
  ];
}

/** Positive, 16 bytes, without a leading zero. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** A value of DER: tag, length, content. */
function element(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const size = content.length;
  if (size < 0x80) return Buffer.concat([Buffer.of(tag, size), content]);
  const length = size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), content]);
}

const sequence = (...parts: Uint8Array[]) => element(0x30, ...parts);
const integer = (bytes: Buffer) => element(0x02, bytes);
const utf8 = (text: string) => element(0x0c, Buffer.from(text));
const objectId = (hex: string) => element(0x06, Buffer.from(hex, "hex"));
const bitString = (bytes: Buffer, unused: number) => element(0x03, Buffer.of(unused), bytes);

/** Two digits for the year until 2049, four after. */
function time(at: number): Buffer {
  const digits = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/u, "Z")
    .replaceAll(/[-:T]/gu, "");
  return digits < "2050"
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(0x18, Buffer.from(digits));
}

/** @returns `der` in lines of 64 characters, joined so that no blank line follows one that is full. */
export function toPem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/gu) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
