import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { describe, expect, test } from "vitest";
import { createCertificate, toPem } from "./certificate.ts";
import { formatHandshake } from "./handshake.ts";

describe("certificate", () => {
  test("is what go-plugin accepts", () => {
    const { der, key } = createCertificate();
    const certificate = new X509Certificate(der);
    expect(certificate.subject).toBe("CN=localhost");
    expect(certificate.issuer).toBe("CN=localhost");
    expect(certificate.subjectAltName).toBe("DNS:localhost");
    expect(certificate.checkHost("localhost")).toBe("localhost");
    expect(certificate.ca).toBe(true);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
    expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: "prime256v1" });
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(certificate.validFromDate.getTime()).toBeLessThan(Date.now() - 30_000);
    expect(certificate.validToDate.getTime()).toBeGreaterThan(Date.now() + 300 * 86_400_000);
  });

  test("dates after 2049 are written with four digits of the year", () => {
    const { der } = createCertificate("prime256v1", Date.parse("2049-06-01T00:00:00Z"));
    const { validFromDate, validToDate } = new X509Certificate(der);
    expect(validFromDate.toISOString()).toBe("2049-05-31T23:00:00.000Z");
    expect(validToDate.toISOString()).toBe("2050-06-01T00:00:00.000Z");
  });

  // The length of an ECDSA signature varies, and with it everything that is counted or wrapped around it.
  test(
    "3,000 of them parse, verify, load into TLS, and fit the handshake's line",
    { timeout: 120_000 },
    () => {
      const lengths = new Set<number>();
      const serials = new Set<string>();
      for (let count = 0; count < 3000; count++) {
        const { der, pem, key } = createCertificate();
        const certificate = new X509Certificate(pem);
        if (!certificate.raw.equals(der)) throw new Error(`PEM and DER differ:\n${pem}`);
        if (!certificate.verify(certificate.publicKey)) throw new Error(`does not verify:\n${pem}`);
        if (/\n\n|^.{65}/mu.test(pem)) throw new Error(`badly wrapped:\n${pem}`);
        const field =
          formatHandshake({ socket: "/s", certificate: der }, {}).trimEnd().split("|")[5] ?? "";
        if (!/^[A-Za-z0-9+/]+$/u.test(field)) throw new Error(`not raw base64: ${field}`);
        if (!Buffer.from(field, "base64").equals(der)) throw new Error(`does not decode: ${field}`);
        if (count % 10 === 0) createSecureContext({ cert: pem, key, ca: pem });
        lengths.add(der.length);
        serials.add(certificate.serialNumber);
      }
      expect(lengths.size).toBeGreaterThan(2);
      expect(serials.size).toBe(3000);
      for (const serial of serials) expect(serial).toMatch(/^[4-7][0-9A-F]{31}$/);
    },
  );

  test("wrapping leaves no blank line at any length", () => {
    for (let length = 1; length < 400; length++) {
      const der = Buffer.alloc(length, length);
      const lines = toPem(der).split("\n");
      const body = lines.slice(1, -2);
      expect(body.every((line) => line.length > 0 && line.length <= 64)).toBe(true);
      expect(Buffer.from(body.join(""), "base64").equals(der)).toBe(true);
    }
  });
});
