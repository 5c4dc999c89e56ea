import { createPrivateKey, X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createAuthority, issueClientCertificate, issueServerCertificate } from "./pki.ts";

describe("certificates", async () => {
  const authority = await createAuthority("Lodge test");
  const root = new X509Certificate(authority.certificate);

  test("an authority signs itself and is one", () => {
    expect(root.ca).toBe(true);
    expect(root.subject).toBe("CN=Lodge test");
    expect(root.verify(root.publicKey)).toBe(true);
    expect(root.checkPrivateKey(createPrivateKey(authority.key))).toBe(true);
    expect(root.publicKey.asymmetricKeyDetails).toMatchObject({ namedCurve: "prime256v1" });
  });

  test("a server's certificate is for its host's name and nothing else", async () => {
    const pair = await issueServerCertificate(authority, { host: "rack1" });
    const leaf = new X509Certificate(pair.certificate);
    expect(leaf.subject).toBe("CN=rack1");
    expect(leaf.subjectAltName).toBe("DNS:rack1");
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkHost("rack1")).toBe("rack1");
    expect(leaf.checkHost("localhost")).toBeUndefined();
    expect(leaf.checkPrivateKey(createPrivateKey(pair.key))).toBe(true);
  });

  test("further names and addresses only when asked for", async () => {
    const pair = await issueServerCertificate(authority, {
      host: "rack1",
      dnsNames: ["localhost"],
      addresses: ["127.0.0.1", "::1"],
    });
    const leaf = new X509Certificate(pair.certificate);
    expect(leaf.checkHost("localhost")).toBe("localhost");
    expect(leaf.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(leaf.checkIP("::1")).toBe("::1");
  });

  test("a client's certificate says who and in which role", async () => {
    const pair = await issueClientCertificate(authority, { user: "ann", role: "viewer" });
    const leaf = new X509Certificate(pair.certificate);
    expect(leaf.subject).toBe("CN=ann\nOU=viewer");
    expect(leaf.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(leaf.verify(root.publicKey)).toBe(true);
  });

  test("validity begins before now, and can be chosen", async () => {
    const normal = new X509Certificate(
      (await issueClientCertificate(authority, { user: "a", role: "admin" })).certificate,
    );
    expect(normal.validFromDate.getTime()).toBeLessThan(Date.now());
    expect(normal.validToDate.getTime()).toBeGreaterThan(Date.now() + 300 * 86_400_000);
    const notAfter = new Date(Date.now() - 60_000);
    const expired = await issueClientCertificate(authority, {
      user: "a",
      role: "admin",
      notBefore: new Date(Date.now() - 120_000),
      notAfter,
    });
    expect(new X509Certificate(expired.certificate).validToDate.getTime()).toBe(
      Math.floor(notAfter.getTime() / 1000) * 1000,
    );
  });

  test("serial numbers differ and are positive", async () => {
    const pairs = await Promise.all(
      Array.from({ length: 50 }, () =>
        issueClientCertificate(authority, { user: "a", role: "admin" }),
      ),
    );
    const serials = pairs.map((pair) => new X509Certificate(pair.certificate).serialNumber);
    expect(new Set(serials).size).toBe(50);
    for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
  });
});
