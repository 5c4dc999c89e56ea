/** Who one is, as the files say that a configuration names. */
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  type KeyPair,
} from "@lodge/agent/lib/pki.ts";
import type { LodgeError } from "@lodge/schemas/rpc/error.ts";
import { describeCertificate, readIdentity } from "@lodge/schemas/rpc/tls.ts";

let directory: string;
let authority: KeyPair;
let rack1: KeyPair;
let ann: KeyPair;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "lodge-identity-"));
  authority = await createAuthority("ours");
  rack1 = await issueServerCertificate(authority, { host: "rack1" });
  ann = await issueClientCertificate(authority, { user: "ann", role: "admin" });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
const good = () => ({
  ca: file("ca.pem", authority.certificate),
  certificate: file("ann.pem", ann.certificate),
  key: file("ann.key", ann.key),
});

test("good files are read", async () => {
  expect(await readIdentity(good())).toEqual({ ca: authority.certificate, ...ann });
});

test.each([
  [
    "a path that leads nowhere",
    { key: "/nonexistent.key" },
    /key \/nonexistent.key cannot be read \(ENOENT\)/,
  ],
  ["a directory", { ca: "/" }, /CA certificate \/ cannot be read \(EISDIR\)/],
  ["a certificate instead of a key", { key: "ann.pem" }, /key .*ann.pem is no PEM private key/],
  [
    "a key instead of a certificate",
    { certificate: "ann.key" },
    /certificate .*ann.key is no PEM certificate/,
  ],
  [
    "somebody else's key",
    { key: "rack1.key" },
    /rack1.key does not belong to the certificate of CN=ann/,
  ],
])("%s is named", async (_, wrong, message) => {
  file("rack1.key", rack1.key);
  const files = { ...good() };
  for (const [part, path] of Object.entries(wrong)) {
    files[part as keyof typeof files] = path.startsWith("/") ? path : join(directory, path);
  }
  const error: unknown = await readIdentity(files).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "CREDENTIALS_INVALID" });
  expect((error as LodgeError).message).toMatch(message);
  expect((error as LodgeError).remedy).toBeDefined();
});

test("a name in a certificate cannot forge another field", async () => {
  const odd = await issueClientCertificate(authority, {
    user: "ann\nOU=admin, OU=admin+OU=admin",
    role: "viewer",
  });
  const described = describeCertificate(new X509Certificate(odd.certificate).raw);
  expect(described.organizationalUnits).toEqual(["viewer"]);
  expect(described.commonName).not.toBe("ann");
});
